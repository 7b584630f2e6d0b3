"""Waiting for a TrainJob, and telling how far it has come."""

import logging
import time
from collections.abc import Iterator, Mapping
from typing import Any

from rlr.config.pipeline import DistributedConfig
from rlr.foundation.errors import MachineError
from rlr.foundation.progress import track
from rlr.orchestration.reporting import read_failure
from rlr.orchestration.team.api import TrainJobs
from rlr.orchestration.team.job import Training

GRACE = 300  # seconds in which Kubeflow Trainer may be late to end a job, or the API be away
COMPLETE = "Complete"
FAILED = "Failed"

logger = logging.getLogger("rlr")


def wait_for_training(
    jobs: TrainJobs, training: Training, settings: DistributedConfig, epochs: int
) -> None:
    """Wait until a TrainJob has come to its end, and show the epochs that it saves.

    Args:
        jobs: The cluster.
        training: The training, whose checkpoints appear on the shared claim.
        settings: How often to look, and how long to wait.
        epochs: Epochs that there will be.

    Raises:
        RlrError: The training failed; the sentence is its own where it has left one.
        MachineError: The job failed otherwise, is gone, or outlived its deadline.
    """
    label = f"training on {settings.nodes} nodes"
    for _ in track(_epochs(jobs, training, settings), label, total=epochs):
        pass


def _epochs(jobs: TrainJobs, training: Training, settings: DistributedConfig) -> Iterator[None]:
    """Yield once an epoch that is saved, until the job has succeeded."""
    watch = _Watch(jobs, training, settings)
    shown = 0
    while True:
        ended = watch.look()
        saved = _saved(training)
        for _ in range(saved - shown):
            yield
        shown = max(shown, saved)
        if ended:
            return
        time.sleep(settings.poll_seconds)


def _saved(training: Training) -> int:
    """Return how many epochs the last checkpoint holds."""
    places = (training.output / "checkpoint" / "main").glob("epoch-*")
    return max((int(place.name.rpartition("-")[2]) for place in places), default=0)


class _Watch:
    """One look after another at a TrainJob."""

    def __init__(self, jobs: TrainJobs, training: Training, settings: DistributedConfig) -> None:
        self._jobs, self._training, self._settings = jobs, training, settings
        self._end = time.monotonic() + settings.timeout_seconds + GRACE
        self._heard = time.monotonic()
        self._told = ""

    def look(self) -> bool:
        """Return whether the job has succeeded.

        Raises:
            RlrError: It has not, and will not.
        """
        status = self._status()
        self._tell(_phase(status))
        for condition in status.get("conditions", []):
            if condition["status"] == "True" and condition["type"] == COMPLETE:
                return True
            if condition["status"] == "True" and condition["type"] == FAILED:
                raise read_failure(self._training.failure) or self._failure(condition)
        if time.monotonic() > self._end:
            raise MachineError(
                f"TrainJob {self._training.name} is neither done nor failed after "
                f"{self._settings.timeout_seconds} s; is Kubeflow Trainer's controller running?"
            )
        return False

    def _status(self) -> Mapping[str, Any]:
        try:
            job = self._jobs.get(self._training.name)
        except MachineError as error:
            # API servers are restarted under running trainings.
            if time.monotonic() - self._heard > GRACE:
                raise
            logger.warning("%s", error)
            return {}
        self._heard = time.monotonic()
        if job is None:
            raise MachineError(
                f"TrainJob {self._training.name} is gone: somebody has removed it; run again to go "
                "on from its last checkpoint."
            )
        return dict(job.get("status", {}))

    def _failure(self, condition: Mapping[str, Any]) -> MachineError:
        reason = condition.get("reason", "no reason")
        words = " ".join(str(condition.get("message", "")).split()).rstrip(".")
        return MachineError(
            f"TrainJob {self._training.name} failed ({reason}{': ' if words else ''}{words}); what "
            f"its processes said is on the claim {self._settings.claim}, in {self._training.logs}."
        )

    def _tell(self, phase: str) -> None:
        if phase and phase != self._told:
            logger.info("TrainJob %s: %s", self._training.name, phase)
            self._told = phase


def _phase(status: Mapping[str, Any]) -> str:
    """Return what a job is doing, in words; "" where nothing is known."""
    jobs = [job for job in status.get("jobsStatus", []) if job["name"] == "node"]
    if not jobs:
        return ""
    if jobs[0].get("ready"):
        return "all nodes run"
    return "waits for its nodes" if jobs[0].get("active") else ""
