"""Runs with all that belongs to them, and how they go.

MLflow only marks what is deleted and leaves the artifacts where they are. So the artifacts are
removed first, through the server where it keeps them, and then the run is marked. A version goes
before its artifact does: at no moment does one point at nothing.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError
from rlr.registry.limits import transfers
from rlr.registry.lookup import all_pages
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import LoggedModel
    from mlflow.entities import Run as MlflowRun
    from mlflow.entities.model_registry import ModelVersion


@dataclass(frozen=True)
class StoredRun:
    """A run on the tracking server, and what belongs to it.

    Attributes:
        run: The run.
        models: The logged models that it made.
        versions: The versions of the registered model that it made.
    """

    run: "MlflowRun"
    models: list["LoggedModel"] = field(default_factory=list)
    versions: list["ModelVersion"] = field(default_factory=list)

    @property
    def changed(self) -> float:
        """When it last changed, in seconds since 1970."""
        info = self.run.info
        times = [info.end_time or info.start_time or 0]
        times += [version.creation_timestamp or 0 for version in self.versions]
        return float(max(times)) / 1000.0


def stored_runs(client: "MlflowClient", settings: RegistryConfig) -> list[StoredRun]:
    """Return the runs of the experiment, with their models and versions.

    Raises:
        MachineError: The server failed.
    """
    with explained(client.tracking_uri):
        experiment = client.get_experiment_by_name(settings.experiment)
        if experiment is None:
            return []
        ids = [experiment.experiment_id]
        found = all_pages(client.search_runs, experiment_ids=ids)
        runs = {run.info.run_id: StoredRun(run) for run in found}
        for model in all_pages(client.search_logged_models, experiment_ids=ids):
            if model.source_run_id in runs:
                runs[model.source_run_id].models.append(model)
        query = f"name = '{settings.model_name}'"
        for version in all_pages(client.search_model_versions, filter_string=query):
            if version.run_id in runs:
                runs[version.run_id].versions.append(version)
    return list(runs.values())


def stored_bytes(client: "MlflowClient", stored: StoredRun) -> int:
    """Return the size of all artifacts of a run and its models, in bytes.

    Raises:
        MachineError: The server failed.
    """
    run_id = stored.run.info.run_id
    with explained(client.tracking_uri):
        size = sum(_sizes(lambda path: client.list_artifacts(run_id, path)))
        for model in stored.models:
            size += sum(_sizes(_lister(client, model.model_id)))
    return size


def remove_run(client: "MlflowClient", stored: StoredRun, settings: RegistryConfig) -> None:
    """Remove a run: its versions, its models with their artifacts, its artifacts, and itself.

    Whoever dies in between leaves a run that the next removal finds again.

    Raises:
        MachineError: The server failed, or a version has got an alias by now.
    """
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    with explained(client.tracking_uri), transfers(settings):
        for version in stored.versions:
            _remove_version(client, version)
        for model in stored.models:
            get_artifact_repository(model.artifact_location).delete_artifacts()
            client.delete_logged_model(model.model_id)
        get_artifact_repository(stored.run.info.artifact_uri).delete_artifacts()
        client.delete_run(stored.run.info.run_id)


def _remove_version(client: "MlflowClient", version: "ModelVersion") -> None:
    aliases = client.get_registered_model(version.name).aliases
    held = [alias for alias, number in aliases.items() if str(number) == str(version.version)]
    if held:
        raise MachineError(
            f"models:/{version.name}/{version.version} has become {held[0]} meanwhile; it stays."
        )
    client.delete_model_version(version.name, str(version.version))


def _lister(client: "MlflowClient", model_id: str) -> Callable[[str | None], Any]:
    return lambda path: client.list_logged_model_artifacts(model_id, path)


def _sizes(listed: Callable[[str | None], Any], path: str | None = None) -> Iterator[int]:
    for entry in listed(path):
        if entry.is_dir:
            yield from _sizes(listed, entry.path)
        else:
            yield entry.file_size or 0
