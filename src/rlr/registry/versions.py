"""Model versions: complete artifacts under a name, with tags and aliases.

A version appears in the registry in one step, its tags with it; the alias `challenger` is moved
afterwards and only where the floors hold. Whoever dies between the two leaves a version without
alias, and the same registration, repeated, finds that version and finishes the work.
"""

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.data.workplace import workplace
from rlr.detection.identity import DESCRIPTION, detector_sha256
from rlr.foundation.documents import digest, file_sha256, read_json
from rlr.foundation.errors import UserError
from rlr.foundation.network import without_password
from rlr.gate.floors import FloorVerdict
from rlr.registry.facts import DIFF_TAG, PARENT_TAG, REMOTE_TAG
from rlr.registry.limits import transfers
from rlr.registry.lookup import ABSENT
from rlr.registry.names import CHALLENGER, DETECTOR_TAG, FINGERPRINT_TAG, PIPELINE_RUN_TAG
from rlr.registry.package import fetch_detector, save_pyfunc
from rlr.registry.server import connect, explained
from rlr.registry.tracking import Run

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL_CACHE = Path(".rlr/models")
# How many images that nobody had judged were trained on, and which model had looked at them.
UNJUDGED_TAGS = ("unjudged_admitted", "unjudged_held_back", "unjudged_champion")
# What a version says without its run, which somebody may remove one day.
COPIED_TAGS = (
    "data_version",
    REMOTE_TAG,
    "manifest_sha256",
    "commit",
    "dirty",
    DIFF_TAG,
    "code_version",
    "lock_sha256",
    "image",
    "config_name",
    "config_sha256",
    "seed",
    PARENT_TAG,
    *UNJUDGED_TAGS,
)

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Registration:
    """A registered version.

    Attributes:
        name: Registered model.
        version: Version number, as MLflow writes it.
        alias: "challenger", or "" where the floors do not hold.
        floors: "hold", or "fail: " and the reasons.
        run_id: Run that made the model.
    """

    name: str
    version: str
    alias: str
    floors: str
    run_id: str

    @property
    def uri(self) -> str:
        """Address of the version, as `rlr predict` and MLflow take it."""
        return f"models:/{self.name}/{self.version}"


def register(
    run: Run,
    detector: Path,
    settings: RegistryConfig,
    verdict: FloorVerdict,
    challenger: bool,
    pipeline_run: str = "",
) -> Registration:
    """Make a detector a version of the registered model.

    Args:
        run: The run that trained and evaluated it.
        detector: Folder of the detector.
        settings: Name of the registered model.
        verdict: Whether the floors hold, and why not.
        challenger: Whether the version gets the alias `challenger`.
        pipeline_run: Run of the pipeline that asks for it, for a tag; "": none did.

    Returns:
        The version; the one that is there already, where the same model of the same run was
        registered before with the same verdict.

    Raises:
        UserError: The folder is no detector, or the alias is asked for a model below its floors.
        MachineError: The server failed; no version is there that is not complete.
    """
    detector = detector_folder(detector)
    if challenger and not verdict.hold:
        raise UserError(f"A model below its floors is no challenger ({verdict}).")
    tags = _version_tags(run, detector, verdict)
    if pipeline_run:
        tags[PIPELINE_RUN_TAG] = pipeline_run
    name = settings.model_name
    with explained(run.client.tracking_uri):
        version = _find(run, name, tags[FINGERPRINT_TAG])
        if version is None:
            with transfers(settings):
                version = _create(run, name, detector, tags)
        if challenger:
            run.client.set_registered_model_alias(name, CHALLENGER, version.version)
    alias = CHALLENGER if challenger else ""
    return Registration(name, str(version.version), alias, str(verdict), run.run_id)


@dataclass(frozen=True)
class Located:
    """A detector that was looked up.

    Attributes:
        name: `models:/NAME/VERSION`, which no alias can move, or the folder as it was named.
        folder: Folder of the detector on this machine.
    """

    name: str
    folder: Path

    @property
    def sha256(self) -> str:
        """What identifies the detector: its description holds the digests of all the rest."""
        return detector_sha256(self.folder)


def resolve_model(reference: str, settings: RegistryConfig | None = None) -> Path:
    """Return the folder of a detector; arguments and failures are those of `locate_model`."""
    return locate_model(reference, settings).folder


def locate_model(reference: str, settings: RegistryConfig | None = None) -> Located:
    """Look a detector up; one in the registry is fetched into a cache, once.

    Args:
        reference: `models:/NAME/VERSION`, `models:/NAME@ALIAS`, or a folder: a detector, or what
            `rlr train` wrote.
        settings: Where the registry is; None: the defaults.

    Raises:
        UserError: There is no such model.
        MachineError: The registry does not answer.
    """
    if not reference.startswith("models:/"):
        return Located(reference, detector_folder(Path(reference)))
    settings = settings or RegistryConfig()
    client = connect(settings)
    version = look_up(client, reference)
    name = f"models:/{version.name}/{version.version}"
    target = MODEL_CACHE / f"{version.name}-{version.tags.get(FINGERPRINT_TAG, version.run_id)}"
    if not (target / DESCRIPTION).is_file():
        _fetch(client, settings, name, target)
    return Located(name, target)


def run_of_version(client: "MlflowClient", reference: str) -> str:
    """Return the run that made a version.

    Args:
        client: Client of the registry.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.

    Raises:
        UserError: There is no such version.
    """
    return str(look_up(client, reference).run_id)


def _fetch(client: "MlflowClient", settings: RegistryConfig, name: str, target: Path) -> None:
    """Fetch a version; processes that want the same one wait for each other."""
    with workplace(target) as files:
        if not (target / DESCRIPTION).is_file():
            with explained(client.tracking_uri), transfers(settings):
                fetch_detector(name, files)
            files.rename(target)


def detector_folder(folder: Path) -> Path:
    """Return the detector in a folder: the folder itself, or its `model`.

    Raises:
        UserError: There is none.
    """
    for candidate in (folder, folder / "model"):
        if (candidate / DESCRIPTION).is_file():
            return candidate
    raise UserError(
        f"{folder} holds no detector ({DESCRIPTION} is missing); name a folder that `rlr train` "
        "wrote, or models:/NAME/VERSION."
    )


def _version_tags(run: Run, detector: Path, verdict: FloorVerdict) -> dict[str, str]:
    made = run.tags()
    weights = {file.name: file_sha256(file) for file in sorted(detector.iterdir())}
    return {
        **{name: made[name] for name in COPIED_TAGS if name in made},
        "run": run.run_id,
        "classes": ", ".join(read_json(detector / DESCRIPTION)["classes"]),
        "floors": str(verdict),
        DETECTOR_TAG: detector_sha256(detector),
        # The same artifact of the same run with the same verdict is the same version.
        FINGERPRINT_TAG: digest([run.run_id, weights, str(verdict)])[:32],
    }


def _find(run: Run, name: str, fingerprint: str) -> "ModelVersion | None":
    found = run.client.search_model_versions(f"name = '{name}' and run_id = '{run.run_id}'")
    same = [entry for entry in found if entry.tags.get(FINGERPRINT_TAG) == fingerprint]
    if same:
        logger.info("%s version %s is registered already.", name, same[0].version)
    return same[0] if same else None


def _create(run: Run, name: str, detector: Path, tags: Mapping[str, str]) -> "ModelVersion":
    """Log the model, then name it: a version never points at half an artifact."""
    client = run.client
    experiment = client.get_run(run.run_id).info.experiment_id
    logged = client.create_logged_model(experiment, name=name, source_run_id=run.run_id)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        save_pyfunc(folder, detector, run.run_id, run.tags(), logged.model_id)
        client.log_model_artifacts(logged.model_id, str(folder))
    client.finalize_logged_model(logged.model_id, "READY")
    _ensure_registered_model(client, name)
    return client.create_model_version(
        name,
        source=f"models:/{logged.model_id}",
        run_id=run.run_id,
        tags=dict(tags),
        model_id=logged.model_id,
    )


def _ensure_registered_model(client: "MlflowClient", name: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def look_up(client: "MlflowClient", reference: str) -> "ModelVersion":
    """Return a version.

    Args:
        client: Client of the registry.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.

    Raises:
        UserError: There is no such version.
    """
    from mlflow.exceptions import MlflowException

    name, at, alias = reference.removeprefix("models:/").partition("@")
    name, _, version = (name, "", "") if at else name.partition("/")
    if not name or not (alias or version.isdecimal()):
        raise UserError(f"{reference}: write models:/NAME/VERSION or models:/NAME@ALIAS.")
    try:
        if alias:
            return client.get_model_version_by_alias(name, alias)
        return client.get_model_version(name, version)
    except MlflowException as error:
        if error.error_code not in ABSENT:
            with explained(client.tracking_uri):
                raise
        raise UserError(
            f"{reference} is not in the registry {without_password(client.tracking_uri)}; "
            "register it, or name one that is."
        ) from error
