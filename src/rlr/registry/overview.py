"""The versions of a model: all of them in a line each, and one in full."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.registry.audit.reigns import champions
from rlr.registry.audit.trail import Trail, read_trail
from rlr.registry.gate_results import read_gate_result
from rlr.registry.history.document import entry_documents, verdict
from rlr.registry.names import (
    DETECTOR_TAG,
    GATE_CHAMPION_TAG,
    GATE_OUTCOME_TAG,
    PIPELINE_RUN_TAG,
)
from rlr.registry.promotion.moving import find_version
from rlr.registry.references import DATA_TAG
from rlr.registry.server import explained
from rlr.registry.times import created

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


def list_versions(client: "MlflowClient", settings: RegistryConfig) -> dict[str, Any]:
    """Return all versions of the model, the newest first.

    Raises:
        UserError: There is no such model.
        MachineError: The server failed.
    """
    with explained(client.tracking_uri):
        trail = read_trail(client, settings.model_name)
    return {
        "model": trail.model,
        "champion": trail.actual.champion,
        **verdict(trail),
        "versions": [_row(version, trail) for version in _newest_first(trail)],
    }


def show_version(
    client: "MlflowClient", settings: RegistryConfig, reference: str
) -> dict[str, Any]:
    """Return what is known of one version.

    Args:
        client: Client of the registry.
        settings: Name of the registered model.
        reference: A number, @ALIAS, or models:/NAME/VERSION.

    Raises:
        UserError: There is no such version.
        MachineError: The server failed.
    """
    with explained(client.tracking_uri):
        trail = read_trail(client, settings.model_name)
        number = version_number(trail, reference)
        version = find_version(trail, number)
    entries = [one for one in entry_documents(trail) if number in (one["from"], one["to"])]
    return {
        "model": trail.model,
        **_row(version, trail),
        "uri": f"models:/{trail.model}/{number}",
        "detector_sha256": version.tags.get(DETECTOR_TAG),
        "pipeline_run": version.tags.get(PIPELINE_RUN_TAG),
        "gate": _gate(client, settings, trail.model, number),
        "entries": entries,
        "tags": dict(sorted(version.tags.items())),
    }


def version_number(trail: Trail, reference: str) -> str:
    """Return the number of the version that somebody means.

    Args:
        trail: What the registry says.
        reference: A number, @ALIAS, models:/NAME/VERSION or models:/NAME@ALIAS.

    Raises:
        UserError: It is no such thing, of another model, or the alias is not set.
    """
    name, text = trail.model, reference
    if reference.startswith("models:/"):
        text = reference.removeprefix("models:/")
        name, at, alias = text.partition("@")
        text = f"@{alias}"
        if not at:
            name, _, text = name.partition("/")
    if name != trail.model:
        raise UserError(
            f"{reference} is of another model than '{trail.model}'; set registry.model_name."
        )
    if text.startswith("@"):
        if text[1:] not in trail.aliases:
            there = ", ".join(f"@{alias}" for alias in sorted(trail.aliases)) or "none"
            raise UserError(f"{name} has no alias '{text[1:]}'; there are: {there}.")
        return trail.aliases[text[1:]]
    if not text.isdecimal():
        raise UserError(
            f"'{reference}' names no version; write a number, @ALIAS or models:/{trail.model}/"
            "NUMBER."
        )
    return str(int(text))


def _row(version: "ModelVersion", trail: Trail) -> dict[str, Any]:
    number, tags = str(version.version), version.tags
    return {
        "version": number,
        "aliases": sorted(alias for alias, at in trail.aliases.items() if at == number),
        "was_champion": number in champions(trail.intents),
        "floors": tags.get("floors"),
        "gate_outcome": tags.get(GATE_OUTCOME_TAG),
        "gate_champion": tags.get(GATE_CHAMPION_TAG),
        "data_version": tags.get(DATA_TAG),
        "created": created(version),
        "run": version.run_id or None,
    }


def _newest_first(trail: Trail) -> list["ModelVersion"]:
    return sorted(trail.versions, key=lambda version: int(version.version), reverse=True)


def _gate(
    client: "MlflowClient", settings: RegistryConfig, model: str, number: str
) -> Mapping[str, Any] | None:
    try:
        stored = read_gate_result(client, model, number, settings)
    except UserError as error:
        return {"outcome": None, "problem": str(error), "reasons": []}
    if stored is None:
        return None
    result = stored.result
    return {
        "outcome": result.outcome,
        "problem": "",
        "reasons": result.reasons,
        "champion": result.champion.name if result.champion else None,
        "data_version": result.data_version,
        "sha256": stored.sha256,
        "place": stored.place,
    }
