"""The way to the tracking server: where it is, whether it answers, and what its failures mean."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError
from rlr.foundation.network import why_silent, without_password
from rlr.registry.limits import limit_requests

if TYPE_CHECKING:
    from mlflow import MlflowClient

LOCAL_STORE = Path(".rlr/mlflow")
SQLITE = "sqlite:///"


def tracking_uri(settings: RegistryConfig) -> str:
    """Return the URI of the tracking server.

    Args:
        settings: Its `tracking_uri` goes first, then MLFLOW_TRACKING_URI, then a local database.
    """
    local = f"{SQLITE}{(LOCAL_STORE / 'mlflow.db').absolute()}"
    return settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI") or local


def names_server(settings: RegistryConfig) -> bool:
    """Return whether the configuration or the environment names a tracking server."""
    return bool(settings.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI"))


def connect(settings: RegistryConfig) -> "MlflowClient":
    """Return a client of the tracking server, once it is known to answer.

    MLflow's own client tries for minutes before it gives up, so the server is asked first, and
    all later requests of this process are bounded by `settings`.

    Raises:
        MachineError: The server does not answer within `settings.timeout` seconds, or the
            database cannot be opened.
    """
    uri = tracking_uri(settings)
    if uri.startswith(("http://", "https://")):
        _require_answer(uri, settings.timeout)
    elif uri.startswith(SQLITE):
        _make_parent(Path(uri.removeprefix(SQLITE)))
    _silence()
    limit_requests(settings)
    with explained(uri):
        import mlflow

        # Some of MLflow's stores look models up at the global address, whatever the client's.
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        client = mlflow.MlflowClient()
        client.search_experiments(max_results=1)
    return client


@contextmanager
def explained(uri: str) -> Iterator[None]:
    """Turn a failure of the tracking server into one sentence.

    Raises:
        MachineError: The server refused or was lost.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("mlflow", "requests", "sqlalchemy"):
            raise
        reason = " ".join(str(error).split()).replace(uri, without_password(uri))[:300]
        raise MachineError(
            f"The tracking server {without_password(uri)} failed: {reason}"
        ) from error


def experiment_id(client: "MlflowClient", name: str) -> str:
    """Return the id of an experiment, which is made where there is none of that name."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        try:
            return str(client.create_experiment(name, _artifact_location(client.tracking_uri)))
        except MlflowException:  # somebody else was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    if found.lifecycle_stage == "deleted":
        raise MachineError(
            f"The experiment '{name}' was deleted on the tracking server; restore it or set "
            "registry.experiment to another name."
        )
    return str(found.experiment_id)


def _require_answer(uri: str, timeout: float) -> None:
    reason = why_silent(f"{uri.rstrip('/')}/health", timeout)
    if reason:
        raise MachineError(
            f"The tracking server {without_password(uri)} does not answer ({reason}); start it, or "
            "set registry.tracking_uri or MLFLOW_TRACKING_URI to one that does."
        )


def _make_parent(database: Path) -> None:
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MachineError(
            f"{database.parent} cannot be made ({error.strerror}); set registry.tracking_uri or "
            "MLFLOW_TRACKING_URI to a place that can be written."
        ) from error


def _artifact_location(uri: str) -> str | None:
    """Return where a local database keeps its artifacts: beside it; None: the server knows."""
    if not uri.startswith(SQLITE):
        return None
    return (Path(uri.removeprefix(SQLITE)).absolute().parent / "artifacts").as_uri()


def _silence() -> None:
    """Keep MLflow from telling how it makes its tables, copies its files and ends its runs."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    logging.getLogger("alembic").setLevel(logging.WARNING)
