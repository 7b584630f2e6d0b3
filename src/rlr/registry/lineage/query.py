"""What a person means by a version, a run, a data version or a commit, written in full or begun."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.foundation.network import without_password
from rlr.registry.lookup import all_pages, all_versions
from rlr.registry.server import explained
from rlr.registry.versions import look_up

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

Kind = Literal["version", "run", "data", "commit"]

NUMBER = re.compile(r"\d{1,6}")  # longer ones may be the beginning of a digest
BEGINNING = re.compile(r"[0-9a-f]{4,40}(\.dir)?")
FEW = 5  # candidates that a refusal names


@dataclass(frozen=True, order=True)
class Asked:
    """What a lineage is asked for.

    Attributes:
        kind: What it is.
        value: Written in full: models:/NAME/VERSION, a run id, MD5.dir, or a commit.
    """

    kind: Kind
    value: str


def understand(client: "MlflowClient", settings: RegistryConfig, text: str) -> Asked:
    """Find out what a text means.

    Args:
        client: Client of the registry.
        settings: Experiment and registered model that are searched.
        text: `3`, `@champion`, `models:/NAME/3`, `models:/NAME@champion`; a run id, a data version
            or a commit; of these, the first four digits or more where they are unique.

    Raises:
        UserError: It means nothing here, or several things.
    """
    text = text.strip()
    reference = version_reference(settings, text)
    if reference:
        version = look_up(client, reference)
        return Asked("version", f"models:/{version.name}/{version.version}")
    beginning = text.lower()
    if not BEGINNING.fullmatch(beginning):
        raise UserError(
            f"'{text}' is no version (3, @champion, models:/{settings.model_name}/3), and no run, "
            "data version or commit (at least four hexadecimal digits)."
        )
    found = sorted(set(_search(client, settings, beginning)))
    if not found:
        raise UserError(
            f"No run, data version or commit that begins with {text} is known to the experiment "
            f"'{settings.experiment}' or the model '{settings.model_name}' of "
            f"{without_password(client.tracking_uri)}; ask for another, or name another server."
        )
    if len(found) > 1:
        named = ", ".join(f"{one.kind} {one.value}" for one in found[:FEW])
        more = f" and {len(found) - FEW} more" if len(found) > FEW else ""
        raise UserError(f"{text} may mean {named}{more}; write more of it.")
    return found[0]


def version_reference(settings: RegistryConfig, text: str) -> str | None:
    """Return the address that a text means if it means a version, `models:/...`, else None."""
    if text.startswith("models:/"):
        return text
    if text.startswith("@"):
        return f"models:/{settings.model_name}{text}"
    return f"models:/{settings.model_name}/{text}" if NUMBER.fullmatch(text) else None


def require_reference(settings: RegistryConfig, text: str) -> str:
    """Return the address of a version.

    Args:
        settings: The registered model that a bare number means.
        text: `3`, `@champion`, `models:/NAME/3` or `models:/NAME@champion`.

    Raises:
        UserError: The text means no version.
    """
    reference = version_reference(settings, text.strip())
    if reference is None:
        raise UserError(
            f"'{text}' is no version; write 3, @champion or models:/{settings.model_name}/3."
        )
    return reference


def versions_in_order(client: "MlflowClient", name: str) -> list["ModelVersion"]:
    """Return the versions of a registered model, the oldest first; none where there is no such."""
    with explained(client.tracking_uri):
        return sorted(all_versions(client, name), key=lambda version: int(version.version))


def search_runs(client: "MlflowClient", settings: RegistryConfig, query: str) -> Iterator["Run"]:
    """Yield the runs of the experiment that a filter of MLflow finds, deleted ones too."""
    from mlflow.entities import ViewType

    with explained(client.tracking_uri):
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is not None:
            yield from all_pages(
                client.search_runs,
                experiment_ids=[experiment.experiment_id],
                filter_string=query,
                run_view_type=ViewType.ALL,
            )


def _search(client: "MlflowClient", settings: RegistryConfig, beginning: str) -> Iterator[Asked]:
    """Yield everything that begins with those digits."""
    digits = beginning.removesuffix(".dir")
    tags: list[tuple[str, dict[str, str]]] = [
        (version.run_id or "", version.tags)
        for version in versions_in_order(client, settings.model_name)
    ]
    for query in (
        f"attributes.run_id LIKE '{digits}%'",
        f"tags.data_version LIKE '{digits}%'",
        f"tags.commit LIKE '{digits}%'",
    ):
        found = search_runs(client, settings, query)
        tags += [(run.info.run_id, run.data.tags) for run in found]
    for run_id, own in tags:
        if run_id.startswith(beginning):
            yield Asked("run", run_id)
        if own.get("data_version", "").startswith(beginning):
            yield Asked("data", own["data_version"])
        if own.get("commit", "").startswith(beginning):
            yield Asked("commit", own["commit"])
