"""`rlr pipeline logs`."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit
from rlr.cli.remote.options import (
    REQUEST_TIMEOUT,
    AuthorityOption,
    EndpointOption,
    EveryOption,
    NamespaceOption,
    PortForwardOption,
    RequestTimeoutOption,
    TokenFileOption,
    make_access,
)
from rlr.cli.remote.steps import step_table

if TYPE_CHECKING:
    from rlr.orchestration.kubeflow.connection import Kubeflow
    from rlr.orchestration.kubeflow.run import Step

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, as `runs` and `submit` show it.")
]


def logs(
    run: RunArgument,
    task: Annotated[
        str | None, typer.Option("--task", metavar="NAME", help="Of this step alone.")
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Print what the steps say, until the run is over.")
    ] = False,
    every: EveryOption = 3.0,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Show the steps of a run, and what they have said."""
    from rlr.foundation.errors import UserError
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.kubeflow.logs import follow_logs, steps_of
    from rlr.orchestration.kubeflow.runs import find_run

    if follow and as_json:
        raise UserError("--follow prints lines as they come, --json one object; give one of them.")
    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    with connect(access) as kubeflow:
        if follow:
            for step, line in follow_logs(kubeflow, run, task, every):
                typer.echo(f"{step} | {line}")
        found = find_run(kubeflow, run)
        steps = [_with_log(kubeflow, run, step, follow) for step in steps_of(found, task)]
    emit({**found.as_document(), "steps": steps}, as_json, _lines)


def _with_log(kubeflow: "Kubeflow", run_id: str, step: "Step", told: bool) -> dict[str, Any]:
    """Return a step with the logs of its pods; told: they were printed already."""
    from rlr.foundation.errors import MachineError
    from rlr.orchestration.kubeflow.logs import read_log

    entries = []
    for pod in () if told else step.pods:
        log, missing = None, None
        try:
            log = read_log(kubeflow, run_id, pod)
        except MachineError as error:
            missing = str(error)
        entries.append({"pod": pod, "log": log, "missing": missing})
    return {**asdict(step), "logs": entries}


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"Run: {document['run_id']} ({document['state']})"
    if document["message"]:
        yield f"     {document['message']}"
    yield step_table(document["steps"])
    for step in document["steps"]:
        for entry in step["logs"]:
            yield f"\n--- {step['name']}, pod {entry['pod']}"
            yield (entry["log"] or "").rstrip("\n") or entry["missing"] or "(nothing said)"
