"""A thread that forwards a spool while its step works."""

import logging
import threading
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import RlrError
from rlr.registry.spool.delivery import AwayError, Delivery
from rlr.registry.spool.folder import Spool

if TYPE_CHECKING:
    from mlflow import MlflowClient

FIRST_PAUSE = 0.5  # seconds; doubled after each failure in a row
LOCK_PAUSE = 0.5  # seconds between two looks whether another process still sends

logger = logging.getLogger("rlr")


class Sender:
    """Forwards the entries of a spool in the order in which they were written.

    Nobody waits for it but `finish`, and that for a bounded time: what is not sent then stays in
    the spool.

    Args:
        spool: The spool.
        client: Client of the tracking server.
        settings: Longest pause between attempts, and how long a request may take.
    """

    def __init__(self, spool: Spool, client: "MlflowClient", settings: RegistryConfig) -> None:
        self._spool = spool
        self._delivery = Delivery(spool, client, settings)
        self._longest_pause = settings.backoff_seconds
        self._news = threading.Event()  # something was appended, or the end has come
        self._closing = threading.Event()
        self._stopped = threading.Event()
        self._patient = True
        self._is_away = False
        self._failure: RlrError | None = None
        self._thread = threading.Thread(target=self._run, name="rlr-spool", daemon=True)

    def start(self) -> None:
        """Begin to forward."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that something was appended."""
        self._news.set()

    def finish(self, seconds: float, patient: bool = True) -> None:
        """Wait until everything is sent, or the time is over; what is left is told in one line.

        Args:
            seconds: How long to wait.
            patient: Whether to wait for a server that is away to come back.
        """
        self._patient = patient
        self._closing.set()
        self._news.set()
        self._thread.join(seconds)
        self._stopped.set()
        self._tell_what_is_left()

    def _run(self) -> None:
        try:
            while not self._try_to_work():
                if self._closing.wait(LOCK_PAUSE) and self._stopped.wait(LOCK_PAUSE):
                    return
        except RlrError as error:
            self._failure = error
        except Exception as error:  # a thread that dies says so to nobody
            self._failure = RlrError(f"Unexpected {type(error).__name__}: {error}.")

    def _try_to_work(self) -> bool:
        """Send to the end, where no other process does; return whether none did."""
        with self._spool.sending() as is_ours:
            if is_ours:
                self._work()
            return is_ours

    def _work(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopped.is_set():
            self._news.clear()
            try:
                sent = self._delivery.send_next()
            except AwayError as error:
                self._tell_away(error)
                if self._closing.is_set() and not self._patient:
                    return
                self._rest(pause)
                pause = min(2 * pause, self._longest_pause)
                continue
            pause = FIRST_PAUSE
            if sent:
                self._tell_back()
            elif self._closing.is_set():
                return
            else:
                self._news.wait()

    def _rest(self, pause: float) -> None:
        """Pause between two attempts; shortly at the end, when somebody waits."""
        if self._closing.wait(pause):
            self._stopped.wait(FIRST_PAUSE)

    def _tell_away(self, error: AwayError) -> None:
        if not self._is_away and not self._stopped.is_set():
            self._is_away = True
            self._failure = error
            logger.warning("%s What is logged meanwhile waits in %s.", error, self._spool.folder)

    def _tell_back(self) -> None:
        if self._is_away:
            self._is_away = False
            self._failure = None
            logger.info("The tracking server takes what is logged again.")

    def _tell_what_is_left(self) -> None:
        try:
            unsent = self._spool.unsent()
        except RlrError as error:
            unsent, self._failure = -1, error
        if not unsent and self._failure is None:
            return
        reason = f" {self._failure}" if self._failure and not self._is_away else ""
        logger.warning(
            "%s entries for the run %s are not on the tracking server yet; send them with "
            "`rlr runs sync %s`.%s",
            unsent if unsent >= 0 else "Some",
            self._spool.run_id,
            self._spool.folder,
            reason,
        )
