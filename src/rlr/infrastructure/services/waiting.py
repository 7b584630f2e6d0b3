"""Waiting for a service, with an end."""

import threading
import time
from collections.abc import Callable

from rlr.foundation.errors import MachineError

INTERVAL = 0.25  # seconds between two questions


class Patience:
    """How long to wait, and whether it is still worth while.

    Args:
        seconds: Longest wait.
        given_up: Set once somebody else has failed.
    """

    def __init__(self, seconds: float, given_up: threading.Event) -> None:
        self.seconds = seconds
        self.given_up = given_up

    def wait_for(self, name: str, ask: Callable[[], str | None]) -> None:
        """Ask until the answer is None.

        Args:
            name: What is waited for.
            ask: Returns why it is not there yet; raises where it never will be.

        Raises:
            MachineError: It did not come in time.
        """
        deadline = time.monotonic() + self.seconds
        while (reason := ask()) is not None:
            if self.given_up.is_set():
                raise MachineError(f"{name} was not waited for.")
            if time.monotonic() > deadline:
                raise MachineError(
                    f"{name} did not come up in {self.seconds:g} seconds ({reason}); its log may "
                    "say why, and services.start_seconds gives it more time."
                )
            time.sleep(INTERVAL)
