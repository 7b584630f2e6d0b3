"""A training on several nodes, from the list of images to the model."""

import logging
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

from rlr.foundation.atomic import atomic_folder
from rlr.foundation.documents import RESULT_FILE, file_sha256, read_result
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.team.api import TrainJobs
from rlr.orchestration.team.job import Training, make_train_job
from rlr.orchestration.team.settings import TeamSettings
from rlr.orchestration.team.watch import wait_for_training

NETWORK = "network.safetensors"
LAST_LINES = 30

logger = logging.getLogger("rlr")


def train_on_team(
    training: Training, settings: TeamSettings, dataset: Path, output: Path, epochs: int
) -> dict[str, Any]:
    """Train on several nodes, and fetch what they have made.

    Whatever the end, no TrainJob is left: not when the training fails, nor when this process is
    told to stop. Checkpoints stay on the claim until the training is done, so that the next
    attempt goes on from them.

    Args:
        training: What is to be trained.
        settings: What the nodes get.
        dataset: What validation has written.
        output: Folder to write; the same as a training on one node writes.
        epochs: Epochs that there will be, for the progress.

    Returns:
        The `result.json` of the training.

    Raises:
        UserError: The claim is not mounted, or the training refused what it was given.
        MachineError: The cluster, or the training, failed.
    """
    jobs = TrainJobs()
    _bring(training, dataset)
    jobs.delete(training.name)  # of an attempt whose step died: two teams must not write there
    try:
        with _told_to_stop():
            jobs.create(make_train_job(training, settings))
            logger.info("TrainJob %s in %s: made", training.name, jobs.namespace)
            wait_for_training(jobs, training, settings.pipeline.distributed, epochs)
    except BaseException:
        _show_logs(training)
        with suppress(MachineError):  # what went wrong before is what matters
            jobs.delete(training.name)
        raise
    jobs.delete(training.name)
    result = _fetch(training, output)
    shutil.rmtree(training.folder, ignore_errors=True)
    return result


def _bring(training: Training, dataset: Path) -> None:
    """Put the list of images where the nodes find it."""
    if not training.work.is_dir():
        raise UserError(
            f"{training.work} is not there: the claim of pipeline.distributed.claim is not mounted."
        )
    training.failure.unlink(missing_ok=True)
    (training.output / RESULT_FILE).unlink(missing_ok=True)
    with atomic_folder(training.dataset) as folder:
        shutil.copytree(dataset, folder, dirs_exist_ok=True)


def _fetch(training: Training, output: Path) -> dict[str, Any]:
    """Copy the model from the claim, and make sure that it is whole."""
    result = read_result(training.output, "train")
    with atomic_folder(output) as folder:
        shutil.copytree(training.output, folder, dirs_exist_ok=True)
        if file_sha256(folder / result["model"] / NETWORK) != result["network_sha256"]:
            raise MachineError(
                f"{training.output} does not hold the network that its result.json names: the "
                "claim is not one storage for all nodes; give it a class with ReadWriteMany."
            )
    return result


def _show_logs(training: Training) -> None:
    """Repeat the last words of each process, for the pods are gone in a moment."""
    for file in sorted(training.logs.rglob("stderr.log")):
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()[-LAST_LINES:]
        if lines:
            logger.info("Last words of process %s:\n%s", file.parent.name, "\n".join(lines))


@contextmanager
def _told_to_stop() -> Iterator[None]:
    """Turn the signal with which a pod is stopped into an exception, so that we clean up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
