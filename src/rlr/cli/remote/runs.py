"""`rlr pipeline runs`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table
from rlr.cli.remote.options import (
    REQUEST_TIMEOUT,
    AuthorityOption,
    EndpointOption,
    NamespaceOption,
    PortForwardOption,
    RequestTimeoutOption,
    TokenFileOption,
    make_access,
)

COLUMNS = ("run", "name", "state", "created", "finished")


def runs(
    experiment: Annotated[
        str | None, typer.Option("--experiment", help="Of this experiment alone.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", help="In this state alone, as SUCCEEDED or FAILED.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Greatest number.")] = 20,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """List the runs on a cluster, the newest first."""
    from rlr.foundation.errors import UserError
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.kubeflow.run import STATES
    from rlr.orchestration.kubeflow.runs import list_runs

    wanted = state.upper() if state else None
    if wanted and wanted not in STATES:
        raise UserError(f"There is no state {state}; there are {', '.join(STATES)}.")
    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    with connect(access) as kubeflow:
        found = list_runs(kubeflow, experiment, wanted, limit)
        entries = [{**run.as_document(), "url": kubeflow.page_of_run(run.run_id)} for run in found]
    for entry in entries:
        del entry["steps"]  # a list of runs comes without them
    emit({"runs": entries}, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    keys = ("run_id", "name", "state", "created", "finished")
    yield table(COLUMNS, [[run[key] for key in keys] for run in document["runs"]])
