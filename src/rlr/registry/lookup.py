"""What there is on the server, searched page by page; None where there is no such thing."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

# How MLflow says that there is no such run or model, and no such version or alias of a model.
GONE = "RESOURCE_DOES_NOT_EXIST"
ABSENT = (GONE, "INVALID_PARAMETER_VALUE")


def all_pages(search: Callable[..., Any], **arguments: Any) -> Iterator[Any]:
    """Yield everything that one of MLflow's searches finds, page by page."""
    token = None
    while True:
        page = search(page_token=token, **arguments)
        yield from page
        token = page.token
        if not token:
            return


def all_versions(client: "MlflowClient", name: str) -> "Iterator[ModelVersion]":
    """Yield the versions of a registered model; none where there is no such model."""
    return all_pages(client.search_model_versions, filter_string=f"name = '{name}'")


def aliased_version(client: "MlflowClient", name: str, alias: str) -> str | None:
    """Return the number of the version that an alias names; None: it names none.

    Args:
        client: Client of the registry.
        name: Registered model, which need not be there.
        alias: The alias.

    Raises:
        MachineError: The registry failed, which is no answer.
    """
    from mlflow.exceptions import MlflowException

    with explained(client.tracking_uri):
        try:
            return str(client.get_model_version_by_alias(name, alias).version)
        except MlflowException as error:
            if error.error_code in ABSENT:
                return None
            raise


def find_run(client: "MlflowClient", run_id: str | None) -> "Run | None":
    """Return a run; None where it is gone for good, or none is named.

    Raises:
        MachineError: The server failed, which is no answer.
    """
    from mlflow.exceptions import MlflowException

    if not run_id:
        return None
    with explained(client.tracking_uri):
        try:
            return client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == GONE:
                return None
            raise
