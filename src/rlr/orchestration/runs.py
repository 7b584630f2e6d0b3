"""Which run a step belongs to."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config import Config
from rlr.foundation.documents import RESULT_FILE, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.registry.tracking import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from rlr.data.manifest import Manifest

RUN_FILE = "run.json"  # the run of a training that has begun, for the one that resumes it

logger = logging.getLogger("rlr")


def begin_training_run(
    client: "MlflowClient", settings: Config, manifest: "Manifest", output: Path
) -> Run:
    """Return a new run, or that of a training that was killed in this folder."""
    note = output / RUN_FILE
    if note.is_file() and not (output / RESULT_FILE).is_file():
        try:
            return Run.resume(client, read_json(note)["run_id"])
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
    known = run_id or _run_of(model)
    if known:
        return Run.resume(client, known)
    return Run.start(client, settings, manifest.version, manifest.digest)


def _run_of(model: Path) -> str:
    for folder in (model, model.parent):
        if (folder / RESULT_FILE).is_file():
            trained = read_json(folder / RESULT_FILE)
            return str(trained.get("run_id", "")) if trained.get("kind") == "train" else ""
    return ""
