"""From what was asked to everything it is made from, and everything that was made of it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.registry.facts import PARENT_TAG
from rlr.registry.lineage.facts import facts_of_run, version_facts
from rlr.registry.lineage.query import Asked, search_runs, understand, versions_in_order
from rlr.registry.lineage.reigns import champion_times
from rlr.registry.lookup import find_run
from rlr.registry.server import explained
from rlr.registry.versions import look_up

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

TAG_OF = {"data": "data_version", "commit": "commit"}


def trace(client: "MlflowClient", settings: RegistryConfig, text: str) -> dict[str, Any]:
    """Answer where something came from and what came of it.

    Args:
        client: Client of the registry, from `connect`.
        settings: Experiment and registered model that are searched.
        text: What is asked for, as `understand` takes it.

    Returns:
        A JSON document: `asked` (kind, value), `versions` with all their facts, the oldest first,
        `runs` that no version was made of.

    Raises:
        UserError: The text means nothing here, or several things.
        MachineError: The server failed.
    """
    asked = understand(client, settings, text)
    document = {"asked": {"kind": asked.kind, "value": asked.value}}
    if asked.kind == "version":
        return {**document, "versions": [trace_version(client, asked.value)], "runs": []}
    runs = _runs(client, settings, asked)
    versions = _versions(client, settings.model_name, asked, runs)
    made = {version.run_id for version in versions}
    return {
        **document,
        "versions": _all_facts(client, settings.model_name, versions),
        "runs": [facts_of_run(client, run) for run in runs if run.info.run_id not in made],
    }


def trace_version(client: "MlflowClient", reference: str) -> dict[str, Any]:
    """Return the facts of one version.

    Args:
        client: Client of the registry.
        reference: `models:/NAME/VERSION` or `models:/NAME@ALIAS`.

    Returns:
        The entry of `versions` in the document of `trace`.

    Raises:
        UserError: There is no such version.
    """
    version = look_up(client, reference)
    (facts,) = _all_facts(client, version.name, [version])
    return facts


def _all_facts(
    client: "MlflowClient", name: str, versions: Iterable["ModelVersion"]
) -> list[dict[str, Any]]:
    versions = list(versions)
    if not versions:
        return []
    aliases = _aliases(client, name)
    times, faults = champion_times(client, name)
    children = _children(client, name)
    return [
        {
            **version_facts(client, version, aliases.get(str(version.version), [])),
            "champion_times": times.get(str(version.version), []),
            "audit_faults": faults,
            "children": children.get(f"models:/{name}/{version.version}", []),
        }
        for version in versions
    ]


def _aliases(client: "MlflowClient", name: str) -> dict[str, list[str]]:
    # Neither a search nor a version tells aliases reliably: the model does.
    with explained(client.tracking_uri):
        aliases = client.get_registered_model(name).aliases
    found: dict[str, list[str]] = {}
    for alias, number in sorted(aliases.items()):
        found.setdefault(str(number), []).append(alias)
    return found


def _children(client: "MlflowClient", name: str) -> dict[str, list[str]]:
    """Return the versions that were trained while a version was the champion."""
    found: dict[str, list[str]] = {}
    for version in versions_in_order(client, name):
        parent = version.tags.get(PARENT_TAG)
        if parent:
            found.setdefault(parent, []).append(f"models:/{name}/{version.version}")
    return found


def _runs(client: "MlflowClient", settings: RegistryConfig, asked: Asked) -> list["Run"]:
    if asked.kind == "run":
        run = find_run(client, asked.value)
        return [run] if run else []
    query = f"tags.{TAG_OF[asked.kind]} = '{asked.value}'"
    return sorted(search_runs(client, settings, query), key=lambda run: run.info.start_time or 0)


def _versions(
    client: "MlflowClient", name: str, asked: Asked, runs: Iterable["Run"]
) -> list["ModelVersion"]:
    """Return the versions that were made of it, by their own word or by that of their runs."""
    known = {run.info.run_id for run in runs} | {asked.value}
    tag = TAG_OF.get(asked.kind, "run")
    return [
        version
        for version in versions_in_order(client, name)
        if version.run_id in known or version.tags.get(tag) == asked.value
    ]
