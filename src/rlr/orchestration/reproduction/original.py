"""What is stored of the training that is to be done again."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.data.review_list import ADMITTED_FILE, HELD_BACK_FILE
from rlr.detection.identity import DESCRIPTION, detector_sha256
from rlr.foundation.documents import file_sha256, read_json
from rlr.foundation.errors import MachineError, UserError
from rlr.registry.facts import DIFF_TAG
from rlr.registry.limits import transfers
from rlr.registry.lookup import find_run
from rlr.registry.names import DETECTOR_TAG
from rlr.registry.package import fetch_detector
from rlr.registry.run_files import RunFiles
from rlr.registry.server import explained
from rlr.registry.tracking import CODE_PLACE, CONFIG_FILE, DIFF_FILE
from rlr.registry.versions import look_up

if TYPE_CHECKING:
    from mlflow import MlflowClient

ADMISSION_FILES = ("admission.json", ADMITTED_FILE, HELD_BACK_FILE)
TRAINING_PLACE = "training"  # folder of the run's artifacts
WEIGHTS = {"network": "network.safetensors", "backbone": "backbone.safetensors"}


@dataclass(frozen=True)
class Original:
    """A registered version, and what is stored of its training.

    Attributes:
        name: models:/NAME/VERSION.
        tags: Tags of its run and of itself.
        detector: Folder of its detector, fetched anew from the registry.
        config: Its configuration, a YAML document.
        diff: Patch of what the checkout held beside the commit; None: nothing, or not kept.
        admission: The decision about unjudged images, file by file; empty where there was none.
    """

    name: str
    tags: dict[str, str]
    detector: Path
    config: str
    diff: bytes | None
    admission: dict[str, bytes]

    @property
    def description(self) -> dict[str, Any]:
        """What detector.json says."""
        document: dict[str, Any] = read_json(self.detector / DESCRIPTION)
        return document


def fetch_original(
    client: "MlflowClient", settings: RegistryConfig, reference: str, folder: Path
) -> Original:
    """Fetch a version and what is stored of its training.

    Args:
        client: Client of the registry.
        settings: How long requests may take.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.
        folder: Folder to make for the detector.

    Raises:
        UserError: There is no such version, or too little is stored of it.
        MachineError: The server failed, or the stored detector was changed after its training.
    """
    version = look_up(client, reference)
    name = f"models:/{version.name}/{version.version}"
    run = find_run(client, version.run_id)
    if run is None:
        raise UserError(
            f"{name} cannot be reproduced: its run {version.run_id} is gone, and the "
            "configuration with it."
        )
    tags = {**run.data.tags, **version.tags}
    files = RunFiles(client, settings, run.info.run_id)
    config = files.read(CONFIG_FILE)
    if config is None:
        raise UserError(
            f"{name} cannot be reproduced: its run {run.info.run_id} holds no {CONFIG_FILE}."
        )
    with explained(client.tracking_uri), transfers(settings):
        fetch_detector(name, folder)
    _require_untouched(name, folder, tags)
    original = Original(name, tags, folder, config.decode(), _diff(name, files, tags), {})
    if not original.description["origin"].get("unjudged"):
        return original
    return Original(**{**vars(original), "admission": _admission(name, files)})


def _diff(name: str, files: RunFiles, tags: dict[str, str]) -> bytes | None:
    if tags.get("dirty") != "true":
        return None
    diff = files.read(f"{CODE_PLACE}/{DIFF_FILE}")
    if diff is not None and hashlib.sha256(diff).hexdigest() != tags.get(DIFF_TAG):
        raise MachineError(
            f"{name}: {CODE_PLACE}/{DIFF_FILE} of its run is not what the training has stored, so "
            "nobody knows the code any more."
        )
    return diff


def _admission(name: str, files: RunFiles) -> dict[str, bytes]:
    found = {file: files.read(f"{TRAINING_PLACE}/{file}") for file in ADMISSION_FILES}
    for file, content in found.items():
        if content is None:
            raise UserError(
                f"{name} cannot be reproduced: it was trained on unjudged images, and which those "
                f"were ({TRAINING_PLACE}/{file} of its run) is not stored."
            )
    return {file: content for file, content in found.items() if content is not None}


def _require_untouched(name: str, folder: Path, tags: dict[str, str]) -> None:
    """Refuse a detector that is no longer what was registered: nothing could reproduce it."""
    description = folder / DESCRIPTION
    changed = []
    if tags.get(DETECTOR_TAG, "") not in ("", detector_sha256(folder)):
        changed.append(DESCRIPTION)
    for part, file in WEIGHTS.items():
        if file_sha256(folder / file) != read_json(description)["weights"][part]:
            changed.append(file)
    if changed:
        raise MachineError(
            f"{name} is not reproduced: {' and '.join(changed)} in the registry "
            f"{'was' if len(changed) == 1 else 'were'} changed after the registration."
        )
