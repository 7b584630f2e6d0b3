"""Which run a step belongs to, and what the steps before it still have to tell."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config import Config
from rlr.config.registry import RegistryConfig
from rlr.foundation.documents import RESULT_FILE, read_json, write_json
from rlr.foundation.errors import RlrError, UserError
from rlr.registry.spool.delivery import AwayError
from rlr.registry.spool.folder import SPOOL, read_spool
from rlr.registry.spool.sync import send_rest
from rlr.registry.tracking import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from rlr.data.manifest import Manifest
    from rlr.registry.spool.recorder import Recorder

HISTORY_FILE = "history.json"
RUN_FILE = "run.json"  # the run of a training that has begun, for the one that resumes it

logger = logging.getLogger("rlr")


def begin_training_run(
    client: "MlflowClient", settings: Config, manifest: "Manifest", output: Path
) -> Run:
    """Return a new run, or that of a training that was killed in this folder."""
    note = output / RUN_FILE
    if note.is_file() and not (output / RESULT_FILE).is_file():
        try:
            resumed = Run.resume(client, read_json(note)["run_id"])
            resumed.note_change_of_machine(settings)
            return resumed
        except UserError:
            logger.info("%s: its run is not on this server; a new one is opened.", output)
    run = Run.start(client, settings, manifest.version, manifest.digest)
    write_json(note, {"run_id": run.run_id})
    return run


def find_evaluation_run(
    client: "MlflowClient", settings: Config, manifest: "Manifest", model: Path, run_id: str
) -> Run:
    """Return the run that trained a model, or a new one where nobody knows that.

    Args:
        client: Client of the tracking server.
        settings: The configuration, for a new run.
        manifest: The images, for a new run.
        model: Output of a training, or folder of a detector.
        run_id: The run, where it is known; "": the result.json of the training says.
    """
    known = known_run(client, model, run_id)
    return known or Run.start(client, settings, manifest.version, manifest.digest)


def known_run(client: "MlflowClient", model: Path, run_id: str) -> Run | None:
    """Return the run that trained a model; None where nobody knows it.

    Args:
        client: Client of the tracking server.
        model: Output of a training, or folder of a detector.
        run_id: The run, where it is known; "": the result.json of the training says.

    Raises:
        UserError: The server does not know the run.
    """
    known = run_id or _run_of(model)
    return Run.resume(client, known) if known else None


def log_history(recorder: "Recorder", output: Path) -> None:
    """Log the epochs of a training that were not logged when they ended.

    Those are epochs of a checkpoint whose training was killed before it could log them, or whose
    run is on another server.
    """
    from rlr.training.checkpoint import EpochRecord

    file = output / HISTORY_FILE
    for record in read_json(file) if file.is_file() else ():
        recorder.log_epoch(EpochRecord(**record))


def send_what_is_left(
    client: "MlflowClient", settings: RegistryConfig, folders: Iterable[Path]
) -> None:
    """Send what the steps before could not send: it belongs to the run before what comes next.

    Args:
        client: Client of the tracking server.
        settings: How long a request may take.
        folders: Outputs of those steps, or folders in them.

    Raises:
        MachineError: The server was lost.
    """
    for folder in folders:
        for spool in (*(folder / SPOOL).glob("*"), *(folder.parent / SPOOL).glob("*")):
            try:
                send_rest(read_spool(spool), client, settings)
            except AwayError:
                raise
            except RlrError as error:  # of no use to this step, which can do without
                logger.warning("%s", error)


def _run_of(model: Path) -> str:
    for folder in (model, model.parent):
        if (folder / RESULT_FILE).is_file():
            trained = read_json(folder / RESULT_FILE)
            return str(trained.get("run_id", "")) if trained.get("kind") == "train" else ""
    return ""
