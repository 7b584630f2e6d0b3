"""`rlr pipeline upload / submit / runs / logs`: the pipeline on a cluster."""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.kubeflow_options import (
    REQUEST_TIMEOUT,
    AuthorityOption,
    EndpointOption,
    NamespaceOption,
    PortForwardOption,
    RequestTimeoutOption,
    TokenFileOption,
    make_access,
)
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit, table
from rlr.cli.pipeline import (
    TRAINING,
    NameArgument,
    PipelineImageOption,
    ProjectOption,
    SeedOption,
    TrainImageOption,
    VersionOption,
    read_parameters,
)

if TYPE_CHECKING:
    from rlr.orchestration.kubeflow.connection import Kubeflow
    from rlr.orchestration.kubeflow.run import Run, Step

logger = logging.getLogger("rlr")

INTERRUPTED = 130
STEP_COLUMNS = ("step", "state", "started", "finished")
RUN_COLUMNS = ("run", "name", "state", "created", "finished")

AllowTagOption = Annotated[
    bool,
    typer.Option(
        "--allow-tag", help="Let an image keep its tag where no registry knows its digest."
    ),
]
RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="Id of a run, as `runs` and `submit` show it.")
]
EveryOption = Annotated[
    float, typer.Option("--every", min=0.01, help="Seconds between two looks at the run.")
]


def upload(
    name: NameArgument = TRAINING,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    allow_tag: AllowTagOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Compile a pipeline and upload it as a version; the same content is uploaded once."""
    from rlr.orchestration.compile import compile_pinned, pipeline_title
    from rlr.orchestration.kubeflow import versions
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.project import find_project

    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    checkout = find_project(project)
    parameters = read_parameters(config, overrides)
    compiled = compile_pinned(checkout, name, parameters, image_pipeline, image_train, allow_tag)
    title = pipeline_title(compiled)
    with connect(access) as kubeflow:
        version = versions.upload(kubeflow, title, compiled, checkout.summary(name))
    document = {
        "pipeline": title,
        "pipeline_id": version.pipeline_id,
        "version": version.name,
        "version_id": version.version_id,
        "uploaded": version.is_new,
    }
    emit(document, as_json, _upload_lines)


def submit(
    name: NameArgument = TRAINING,
    version: Annotated[
        str | None,
        typer.Option(
            "--version", metavar="NAME", help="Run a version that was uploaded; compile nothing."
        ),
    ] = None,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    allow_tag: AllowTagOption = False,
    experiment: Annotated[str, typer.Option("--experiment", help="Kubeflow's experiment.")] = "rlr",
    run_name: Annotated[
        str | None, typer.Option("--run-name", help="Name of the run; without it, the pipeline's.")
    ] = None,
    service_account: Annotated[
        str | None,
        typer.Option("--service-account", metavar="NAME", help="Kubernetes' account of the steps."),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Wait for the end; status 0 where the run has succeeded."),
    ] = False,
    every: EveryOption = 10.0,
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0.0, help="With --wait: greatest number of seconds."),
    ] = None,
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            metavar="FILE_OR_PRESET",
            help=f"YAML file, or a preset; without it, {DEFAULT_CONFIG}, or what --version has.",
        ),
    ] = None,
    overrides: SetOption = None,
    data_version: VersionOption = "",
    seed: SeedOption = None,
    project: ProjectOption = None,
    endpoint: EndpointOption = None,
    port_forward: PortForwardOption = None,
    token_file: TokenFileOption = None,
    namespace: NamespaceOption = None,
    ca_certificate: AuthorityOption = None,
    request_timeout: RequestTimeoutOption = REQUEST_TIMEOUT,
    as_json: JsonOption = False,
) -> None:
    """Start a pipeline on a cluster, compiled now or uploaded before."""
    from rlr.foundation.errors import UserError
    from rlr.orchestration.kubeflow.connection import connect
    from rlr.orchestration.kubeflow.runs import Order, start_run
    from rlr.orchestration.project import find_project
    from rlr.orchestration.submit import Compiled, Uploaded

    if timeout is not None and not wait:
        raise UserError("--timeout is for --wait; give both, or neither.")
    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    parameters = read_parameters(config or DEFAULT_CONFIG, overrides, data_version, seed)
    checkout = find_project(project)
    source: Compiled | Uploaded
    if version:
        if image_pipeline or image_train or allow_tag:
            raise UserError("A version has its images already; leave --version or them out.")
        source = Uploaded.read(checkout, name, version, parameters, keeps_config=config is None)
    else:
        source = Compiled.make(checkout, name, parameters, image_pipeline, image_train, allow_tag)
    with connect(access) as kubeflow:
        order = Order(
            source.on(kubeflow), source.arguments(), experiment, run_name or name, service_account
        )
        started = start_run(kubeflow, order)
        if wait:
            _show_end(kubeflow, started, every, timeout, as_json)
            return
        document = {**started.as_document(), "url": kubeflow.page_of_run(started.run_id)}
    emit(document, as_json, _submit_lines)


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
    emit({"runs": entries}, as_json, _run_lines)


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
    emit({**found.as_document(), "steps": steps}, as_json, _log_lines)


verbs: tuple[Callable[..., None], ...] = (upload, submit, runs, logs)


def _show_end(
    kubeflow: "Kubeflow", started: "Run", every: float, timeout: float | None, as_json: bool
) -> None:
    """Wait for a run, show how it ended, and fail where it has."""
    from rlr.foundation.errors import MachineError
    from rlr.orchestration.kubeflow.logs import failure_sentence
    from rlr.orchestration.kubeflow.run import SUCCEEDED
    from rlr.orchestration.kubeflow.watch import wait_for_run

    page = kubeflow.page_of_run(started.run_id)
    logger.info("Started: %s", page or started.run_id)
    try:
        run = wait_for_run(kubeflow, started.run_id, every, timeout)
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    document = {**run.as_document(), "url": page}
    emit(document, as_json, lambda d: [*_submit_lines(d), _step_table(d["steps"])])
    if run.state != SUCCEEDED:
        raise MachineError(
            f"The run {run.run_id} ended as {run.state}: {failure_sentence(kubeflow, run)}; "
            f"`rlr pipeline logs {run.run_id}` shows more."
        )


def _with_log(kubeflow: "Kubeflow", run_id: str, step: "Step", told: bool) -> dict[str, Any]:
    """Return a step with the logs of its pods; told: they were printed already."""
    from dataclasses import asdict

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


def _upload_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if document["uploaded"]:
        yield f"Uploaded: {document['version']} of {document['pipeline']}"
    else:
        yield f"There already: {document['version']} of {document['pipeline']}"


def _submit_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"Run:  {document['run_id']} ({document['state']})"
    if document["url"]:
        yield f"Page: {document['url']}"


def _run_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    keys = ("run_id", "name", "state", "created", "finished")
    yield table(RUN_COLUMNS, [[run[key] for key in keys] for run in document["runs"]])


def _log_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"Run: {document['run_id']} ({document['state']})"
    if document["message"]:
        yield f"     {document['message']}"
    yield _step_table(document["steps"])
    for step in document["steps"]:
        for entry in step["logs"]:
            yield f"\n--- {step['name']}, pod {entry['pod']}"
            yield (entry["log"] or "").rstrip("\n") or entry["missing"] or "(nothing said)"


def _step_table(steps: list[dict[str, Any]]) -> Any:
    keys = ("name", "state", "started", "finished")
    return table(STEP_COLUMNS, [[step[key] for key in keys] for step in steps])
