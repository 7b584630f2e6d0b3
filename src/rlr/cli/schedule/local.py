"""`rlr schedule status` and `run`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table
from rlr.cli.pipeline import PipelineImageOption, ProjectOption, Runner, TrainImageOption
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

SIGNALLED = 128  # exit status of a process that a signal has ended, less the signal


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
    if local:
        from rlr.orchestration.schedules.here.status import local_status

        emit(local_status(declared), as_json, _local_lines)
        return
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


def _local_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    pid = document["scheduler"]
    yield "No scheduler runs here." if pid is None else f"A scheduler runs here (process {pid})."
    rows = []
    for one in document["schedules"]:
        last = one["last_run"] or {}
        words = (one["name"], one["enabled"], one["next_fire"], one["last_fire"])
        rows.append((*words, last.get("outcome"), last.get("message")))
    if rows:
        yield table(("schedule", "enabled", "next", "last", "ended as", "why"), rows)


def run(
    once: Annotated[
        str | None,
        typer.Option("--once", metavar="NAME", help="Run this schedule now, wait, and end."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN",
            help="End then: a moment (2026-12-24T18:00), or an interval (6h); runs are waited for.",
        ),
    ] = None,
    drain: Annotated[
        bool,
        typer.Option(
            "--drain", help="At a signal let runs come to their end; a second one ends them."
        ),
    ] = False,
    runner: Annotated[
        Runner,
        typer.Option("--runner", help="Every step a process here, or a container in its image."),
    ] = Runner.SUBPROCESS,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    file: FileOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the schedules on this machine, without a cluster, until a signal comes."""
    from rlr.foundation.errors import UserError
    from rlr.orchestration.project import find_project
    from rlr.orchestration.schedules.declared import read_declared
    from rlr.orchestration.schedules.here import child, diary, scheduler

    if once and until:
        raise UserError("--once ends with its run, so --until has no meaning; leave one out.")
    end = scheduler.read_until(until) if until else None
    declared = read_declared(find_project(project), file)
    place = child.Runner(runner.value, image_pipeline, image_train)
    made = scheduler.Scheduler(
        declared, lambda schedule: child.command_of(declared, schedule, place), drain
    )
    with diary.one_scheduler(declared.project.root):
        if not once:
            came = made.run(end)
            raise typer.Exit(SIGNALLED + came if came else 0)
        came, record = made.run_once(once)
    emit(asdict(record), as_json, _record_lines)
    if record.outcome != "succeeded":
        raise typer.Exit(SIGNALLED + came if came else abs(record.status or 1))


def _record_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    why = f": {document['message']}" if document["message"] else ""
    yield f"{document['schedule']}: {document['outcome']}{why}"
    if document["run_folder"]:
        yield f"Run folder: {document['run_folder']}"
    yield f"Log:        {document['log']}"
