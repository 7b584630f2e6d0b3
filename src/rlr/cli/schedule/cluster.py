"""`rlr schedule plan` and `apply`: the file against a cluster."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table
from rlr.cli.pipeline import PipelineImageOption, ProjectOption, TrainImageOption
from rlr.cli.remote.options import (
    REQUEST_TIMEOUT,
    AllowTagOption,
    AuthorityOption,
    EndpointOption,
    NamespaceOption,
    PortForwardOption,
    RequestTimeoutOption,
    TokenFileOption,
    make_access,
)
from rlr.cli.schedule.file import FileOption

if TYPE_CHECKING:
    from rlr.orchestration.schedules.plan import Entry, Step
    from rlr.orchestration.schedules.wanted import Wanted

PENDING = 1

PruneOption = Annotated[
    bool, typer.Option("--prune", help="Remove, too, what is not in the file any more.")
]


def plan(
    file: FileOption = None,
    prune: PruneOption = False,
    exit_code: Annotated[
        bool, typer.Option("--exit-code", help="End with status 1 where something is pending.")
    ] = False,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    allow_tag: AllowTagOption = False,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Show what `apply` would do; nothing is changed."""
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.schedules.apply import look

    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    wanted = _wanted(project, file, image_pipeline, image_train, allow_tag)
    with connect(access) as kubeflow:
        entries = look(kubeflow, wanted, prune)
    document = _document(entries, ())
    emit(document, as_json, _plan_lines)
    if exit_code and document["pending"]:
        raise typer.Exit(PENDING)


def apply(
    file: FileOption = None,
    prune: PruneOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, as `plan` does.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(
            min=0.0, help="Seconds between disabling a recurring run and counting its runs."
        ),
    ] = 5.0,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    allow_tag: AllowTagOption = False,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Bring a cluster's recurring runs to what the file says; what is in order is not touched."""
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.schedules.apply import apply as bring
    from rlr.orchestration.schedules.apply import look

    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    wanted = _wanted(project, file, image_pipeline, image_train, allow_tag)
    with connect(access) as kubeflow:
        if dry_run:
            emit(_document(look(kubeflow, wanted, prune), ()), as_json, _plan_lines)
            return
        made = bring(kubeflow, wanted, prune, settle)
    emit(_document(made.entries, made.steps), as_json, _applied_lines)


def _wanted(
    project: Path | None,
    file: Path | None,
    image_pipeline: str | None,
    image_train: str | None,
    allow_tag: bool,
) -> "list[Wanted]":
    from rlr.orchestration.project import find_project
    from rlr.orchestration.schedules.declared import read_declared
    from rlr.orchestration.schedules.wanted import Images, make_wanted

    declared = read_declared(find_project(project), file)
    return make_wanted(declared, Images(image_pipeline, image_train, allow_tag))


def _document(entries: "Sequence[Entry]", steps: "Sequence[Step]") -> dict[str, Any]:
    return {
        "pending": any(entry.is_pending for entry in entries),
        "schedules": [_entry(entry) for entry in entries],
        "done": [
            {
                "action": step.action.value,
                "schedule": step.schedule,
                "recurring_run_id": step.run and step.run.id,
            }
            for step in steps
        ],
    }


def _entry(entry: "Entry") -> dict[str, Any]:
    return {
        "name": entry.name,
        "verdict": entry.verdict.value,
        "pending": entry.is_pending,
        "enabled": entry.wanted and entry.wanted.enabled,
        "version": entry.wanted and entry.wanted.version,
        "digest": entry.wanted and entry.wanted.digest,
        "keeper": entry.keeper and asdict(entry.keeper),
        "retired": [{**asdict(one.run), "in_flight": one.in_flight} for one in entry.retired],
    }


def _plan_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if document["schedules"]:
        rows = [(one["name"], one["verdict"], _why(one)) for one in document["schedules"]]
        yield table(("schedule", "what is to happen", "recurring runs"), rows)
    yield from _vanished(document)
    if not document["pending"]:
        yield "In sync: `rlr schedule apply` would change nothing."


def _applied_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if not document["done"]:
        yield "Nothing was changed."
    waiting = [one for one in document["schedules"] if one["pending"]]
    for one in waiting:
        yield f"{one['name']}: {_why(one)}; the next `rlr schedule apply` after that removes it."
    yield from _vanished(document)
    if not waiting:
        yield "In sync."


def _vanished(document: Mapping[str, Any]) -> Iterator[str]:
    gone = [one["name"] for one in document["schedules"] if one["verdict"] == "not in the file"]
    if gone:
        yield f"Not in the file, and left alone without --prune: {', '.join(gone)}."


def _why(one: Mapping[str, Any]) -> str:
    """Say what is there, and what becomes of what goes."""
    words = [f"{one['keeper']['id']} stays"] if one["keeper"] else []
    for old in one["retired"]:
        state = "enabled" if old["enabled"] else "disabled"
        runs = f", {old['in_flight']} of its runs in flight" if old["in_flight"] else ""
        word = "is" if one["verdict"] == "not in the file" else "goes:"
        words.append(f"{old['id']} {word} {state}{runs}")
    return "; ".join(words) or "none yet"
