"""`rlr schedule status` and `run`."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table
from rlr.cli.pipeline import ProjectOption
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
from rlr.cli.schedule.file import FileOption


def status(
    file: FileOption = None,
    local: Annotated[
        bool, typer.Option("--local", help="Of `rlr schedule run` here; no cluster is asked.")
    ] = False,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Show which schedules there are, when each fires next, and how its last run ended."""
    from rlr.orchestration.project import find_project
    from rlr.orchestration.schedules.declared import read_declared

    declared = read_declared(find_project(project), file)
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.schedules.status import cluster_status

    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    with connect(access) as kubeflow:
        rows = cluster_status(kubeflow, declared)
    emit({"schedules": rows}, as_json, _cluster_lines)


def _cluster_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    columns = ("schedule", "state", "in file", "next", "last run", "ended as", "in flight")
    rows = []
    for one in document["schedules"]:
        last = one["last_run"] or {}
        rows.append(
            (
                one["name"],
                one["state"],
                one["in_file"],
                one["next_fire"],
                last.get("created"),
                last.get("state"),
                one["in_flight"],
            )
        )
    yield table(columns, rows)


def run() -> None:
    """x."""
