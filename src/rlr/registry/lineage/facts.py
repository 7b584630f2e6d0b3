"""The facts of a version and of a run, as their tags hold them; None: nobody wrote it down."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlr.registry.facts import COMPUTE_TAGS, DIFF_TAG, NO_DIFF, PACKAGE_TAG, PARENT_TAG, REMOTE_TAG
from rlr.registry.lookup import find_run
from rlr.registry.names import (
    DETECTOR_TAG,
    GATE_CHAMPION_TAG,
    GATE_DIGEST_TAG,
    GATE_OUTCOME_TAG,
    GATE_PLACE_TAG,
    PIPELINE_RUN_TAG,
)
from rlr.registry.server import explained
from rlr.registry.times import as_text, moment
from rlr.registry.tracking import CODE_PLACE, DIFF_FILE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

HARDWARE = ("processor", "instructions", "cores", "memory_gib", "accelerator")


def version_facts(
    client: "MlflowClient", version: "ModelVersion", aliases: list[str]
) -> dict[str, Any]:
    """Return everything that is known of a version.

    Args:
        client: Client of the registry.
        version: The version.
        aliases: Its aliases.

    Returns:
        Plain values, for a JSON document.
    """
    run = find_run(client, version.run_id)
    # What a version says for itself goes first; older ones left more to their run.
    tags = {**(run.data.tags if run else {}), **version.tags}
    return {
        "version": f"models:/{version.name}/{version.version}",
        "created": _time(version.creation_timestamp),
        "aliases": aliases,
        "detector_sha256": tags.get(DETECTOR_TAG),
        "classes": tags.get("classes"),
        "floors": tags.get("floors"),
        **_made_from(client, run, tags),
        "run": run_facts(run, version.run_id),
        "pipeline_run": tags.get(PIPELINE_RUN_TAG) or None,
        "gate": _gate(version.tags),
        PARENT_TAG: tags.get(PARENT_TAG),
    }


def facts_of_run(client: "MlflowClient", run: "Run") -> dict[str, Any]:
    """Return everything that is known of a run that no version was made of."""
    tags = run.data.tags
    return {
        **_made_from(client, run, tags),
        "run": run_facts(run, run.info.run_id),
        PARENT_TAG: tags.get(PARENT_TAG),
    }


def run_facts(run: "Run | None", run_id: str | None) -> dict[str, Any]:
    """Return what a run says of itself; of one that is gone only the id is known."""
    if run is None:
        return {"id": run_id or None, "name": None, "state": None, "started": None, "ended": None}
    removed = run.info.lifecycle_stage == "deleted"
    return {
        "id": run.info.run_id,
        "name": run.info.run_name,
        "state": "removed" if removed else run.info.status,
        "started": _time(run.info.start_time),
        "ended": _time(run.info.end_time),
    }


def _made_from(
    client: "MlflowClient", run: "Run | None", tags: Mapping[str, str]
) -> dict[str, Any]:
    return {
        "data": {
            "version": tags.get("data_version"),
            "remote": tags.get(REMOTE_TAG),
            "manifest_sha256": tags.get("manifest_sha256"),
            "unjudged_admitted": tags.get("unjudged_admitted"),
        },
        "code": {
            "version": tags.get("code_version"),
            "commit": tags.get("commit"),
            "dirty": {"true": True, "false": False}.get(tags.get("dirty", "")),
            "diff_sha256": tags.get(DIFF_TAG),
            "diff_stored": _has_diff(client, run, tags),
            "lock_sha256": tags.get("lock_sha256"),
            "image": tags.get("image"),
        },
        "configuration": {
            "name": tags.get("config_name"),
            "sha256": tags.get("config_sha256"),
            "seed": tags.get("seed"),
        },
        "compute": {
            **{name: tags.get(f"hardware.{name}") for name in HARDWARE},
            **{name: tags.get(name) for name in COMPUTE_TAGS},
        },
        "packages": {
            name.removeprefix(PACKAGE_TAG): value
            for name, value in sorted(tags.items())
            if name.startswith(PACKAGE_TAG)
        },
    }


def _has_diff(client: "MlflowClient", run: "Run | None", tags: Mapping[str, str]) -> bool | None:
    """Return whether the uncommitted changes are kept; None where there are none to be kept."""
    if tags.get("dirty") != "true":
        return None
    if run is None or tags.get(DIFF_TAG, NO_DIFF) == NO_DIFF:
        return False
    with explained(client.tracking_uri):
        kept = client.list_artifacts(run.info.run_id, CODE_PLACE)
    return any(entry.path == f"{CODE_PLACE}/{DIFF_FILE}" for entry in kept)


def _gate(tags: Mapping[str, str]) -> dict[str, str | None]:
    return {
        "outcome": tags.get(GATE_OUTCOME_TAG),
        "sha256": tags.get(GATE_DIGEST_TAG),
        "champion": tags.get(GATE_CHAMPION_TAG),
        "artifact": tags.get(GATE_PLACE_TAG),
    }


def _time(milliseconds: int | None) -> str | None:
    if milliseconds is None:
        return None
    return as_text(moment(milliseconds), "seconds")
