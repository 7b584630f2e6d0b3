"""Waiting for a run: what changes is told, and a server that is away for a moment is borne."""

import logging
import time
from collections.abc import Callable

from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.kubeflow.run import Run, Step
from rlr.orchestration.kubeflow.runs import find_run

PATIENCE = 6  # failed questions in a row, after which the server counts as lost

logger = logging.getLogger("rlr")


def wait_for_run(
    kubeflow: Kubeflow, run_id: str, every: float = 10.0, timeout: float | None = None
) -> Run:
    """Wait until a run is over, and tell each change of its state and of its steps'.

    Args:
        kubeflow: Where it runs.
        run_id: The run.
        every: Seconds between two questions.
        timeout: Greatest number of seconds to wait; None: for ever.

    Raises:
        UserError: Kubeflow does not let us in any more; the run goes on.
        MachineError: The time is up, or Kubeflow is lost; the run goes on.
        KeyboardInterrupt: The user does not wait any longer; the run goes on.
    """
    watch = _Watch(lambda: find_run(kubeflow, run_id))
    deadline = None if timeout is None else time.monotonic() + timeout
    follow = f"follow it with `rlr pipeline logs {run_id} --follow`"
    try:
        while True:
            run = watch.look(follow)
            if run and run.is_over:
                return run
            left = every if deadline is None else deadline - time.monotonic()
            if left <= 0:
                state = run.state if run else "unknown"
                raise MachineError(
                    f"After {timeout:g} s the run {run_id} is not over (state {state}); it goes "
                    f"on: {follow}."
                )
            time.sleep(min(every, left))
    except KeyboardInterrupt:
        logger.warning("The run %s goes on; %s.", run_id, follow)
        raise


class _Watch:
    """Remembers what was told."""

    def __init__(self, ask: Callable[[], Run]) -> None:
        self._ask = ask
        self._told: dict[str, str] = {}
        self._failures = 0

    def look(self, follow: str) -> Run | None:
        """Return the run as it is now, or None where the server is away for a moment."""
        try:
            run = self._ask()
        except UserError as error:  # a token has run out: waiting does not mend it
            raise UserError(f"{error} The run goes on: {follow}.") from error
        except MachineError as error:
            self._failures += 1
            if self._failures >= PATIENCE:
                raise MachineError(f"{error} The run may go on: {follow}.") from error
            logger.warning("%s (%d of %d)", error, self._failures, PATIENCE)
            return None
        self._failures = 0
        for step in run.steps:
            self._tell(step.name, _word(step))
        self._tell("run", run.state)
        return run

    def _tell(self, name: str, state: str) -> None:
        if self._told.get(name) != state:
            self._told[name] = state
            logger.info("%s: %s", name, state)


def _word(step: Step) -> str:
    cached = step.state == "SUCCEEDED" and not step.pods
    return f"{step.state} (from the cache)" if cached else step.state
