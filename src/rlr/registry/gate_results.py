"""Gate results of versions: the document with the run that made the version, its digest in a tag.

The tags are written last and the digest last of them, so a result that was attached only half is
told from a whole one, and attaching it again finishes it.
"""

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.gate.result import GATE_FILE, GateResult
from rlr.registry.limits import transfers
from rlr.registry.names import (
    DETECTOR_TAG,
    GATE_CHAMPION_TAG,
    GATE_DIGEST_TAG,
    GATE_OUTCOME_TAG,
    GATE_PLACE_TAG,
    NO_CHAMPION,
)
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

GATE_REPORT = "gate.html"
GATE_FOLDER = "gate"
DIGITS = 12  # of a digest, where it is part of a name


@dataclass(frozen=True)
class StoredGate:
    """A gate result that belongs to a version.

    Attributes:
        result: What the gate decided.
        sha256: Digest of the bytes of gate.json.
        place: Folder in the artifacts of the version's run.
    """

    result: GateResult
    sha256: str
    place: str


def attach_gate_result(
    client: "MlflowClient", name: str, version: str, folder: Path, settings: RegistryConfig
) -> None:
    """Store a gate result with a version; it is the version's newest from now on.

    Args:
        client: Client of the registry.
        name: Registered model.
        version: Version that the gate judged.
        folder: Folder with gate.json and, as a rule, gate.html.
        settings: How long requests may take.

    Raises:
        UserError: There is no gate result in the folder, or it is about another model.
        MachineError: The server failed; what is half attached is attached by a repetition.
    """
    document = _bytes(folder / GATE_FILE)
    result = parse_gate(document, str(folder / GATE_FILE))
    with explained(client.tracking_uri):
        entry = client.get_model_version(name, version)
        _require_same_model(entry, result)
        sha256 = hashlib.sha256(document).hexdigest()
        champion = result.champion.name if result.champion else NO_CHAMPION
        place = gate_place(result, sha256)
        with transfers(settings):
            for file in (folder / GATE_REPORT, folder / GATE_FILE):
                if file.is_file():
                    client.log_artifact(entry.run_id, str(file), place)
        tags = {
            GATE_PLACE_TAG: place,
            GATE_CHAMPION_TAG: champion,
            GATE_OUTCOME_TAG: result.outcome,
            GATE_DIGEST_TAG: sha256,
        }
        for tag, value in tags.items():
            client.set_model_version_tag(name, version, tag, value)


def gate_place(result: GateResult, sha256: str) -> str:
    """Return the folder of a gate result in the artifacts of the candidate's run.

    Args:
        result: The result.
        sha256: Digest of the bytes of gate.json.
    """
    champion = result.champion.name if result.champion else NO_CHAMPION
    return f"{GATE_FOLDER}/{champion.rpartition('/')[2]}-{sha256[:DIGITS]}"


def read_gate_result(
    client: "MlflowClient", name: str, version: str, settings: RegistryConfig
) -> StoredGate | None:
    """Return the newest gate result of a version; None: the gate has not judged it.

    Args:
        client: Client of the registry.
        name: Registered model.
        version: The version.
        settings: How long requests may take.

    Raises:
        UserError: What is stored is not what was attached.
        MachineError: The server failed.
    """
    with explained(client.tracking_uri), transfers(settings):
        entry = client.get_model_version(name, version)
        if GATE_DIGEST_TAG not in entry.tags:
            return None
        place = entry.tags.get(GATE_PLACE_TAG, "")
        document = _fetch(client, entry.run_id, f"{place}/{GATE_FILE}")
    label = f"models:/{name}/{version}"
    sha256 = hashlib.sha256(document or b"").hexdigest()
    if document is None or sha256 != entry.tags[GATE_DIGEST_TAG]:
        what = "is missing" if document is None else "is not what was attached"
        raise UserError(
            f"The gate result of {label} ({place}/{GATE_FILE} in the run {entry.run_id}) {what}; "
            f"judge it anew: rlr gate {label}"
        )
    return StoredGate(parse_gate(document, f"The gate result of {label}"), sha256, place)


def parse_gate(document: bytes, where: str) -> GateResult:
    """Return what gate.json says.

    Args:
        document: Its bytes.
        where: What it is called in the sentence that refuses it.

    Raises:
        UserError: It is no gate result, or one of a format that this code does not know.
    """
    try:
        return GateResult.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the document"
        raise UserError(
            f"{where} is no gate result of this release ({place}: {first['msg']}); run `rlr gate` "
            "again."
        ) from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(
            f"{path} cannot be read ({error.strerror}); name a folder that `rlr gate` wrote."
        ) from error


def _require_same_model(version: "ModelVersion", result: GateResult) -> None:
    label = f"models:/{version.name}/{version.version}"
    if not version.run_id:
        raise UserError(f"{label} has no run to keep a gate result with; register it by `rlr`.")
    sha256 = version.tags.get(DETECTOR_TAG, result.candidate.sha256)
    if sha256 != result.candidate.sha256:
        raise UserError(
            f"The gate result is about another model ({result.candidate.name}, detector "
            f"{result.candidate.sha256[:DIGITS]}) than {label} ({sha256[:DIGITS]}); judge this "
            f"one: rlr gate {label}"
        )


def _fetch(client: "MlflowClient", run_id: str, path: str) -> bytes | None:
    """Return an artifact of a run, or None where it is not there."""
    from mlflow.exceptions import MlflowException

    with tempfile.TemporaryDirectory() as scratch:
        try:
            return Path(client.download_artifacts(run_id, path, scratch)).read_bytes()
        except FileNotFoundError:
            return None
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST" or isinstance(
                error.__cause__, FileNotFoundError
            ):
                return None
            raise
