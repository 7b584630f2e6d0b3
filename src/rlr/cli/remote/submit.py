"""`rlr pipeline submit`."""

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, JsonOption, SetOption
from rlr.cli.output import emit
from rlr.cli.pipeline import (
    TRAINING,
    ForceOption,
    NameArgument,
    PipelineImageOption,
    ProjectOption,
    SeedOption,
    TrainImageOption,
    VersionOption,
    read_parameters,
)
from rlr.cli.remote.options import (
    REQUEST_TIMEOUT,
    AllowTagOption,
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
    from rlr.orchestration.kubeflow.run import Run

logger = logging.getLogger("rlr")

INTERRUPTED = 130


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
    force: ForceOption = False,
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
    checkout = find_project(project)
    access = make_access(
        endpoint, port_forward, token_file, namespace, ca_certificate, request_timeout
    )
    parameters = read_parameters(config or DEFAULT_CONFIG, overrides, data_version, seed, force)
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
    emit(document, as_json, _lines)


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
    emit(document, as_json, lambda d: [*_lines(d), step_table(d["steps"])])
    if run.state != SUCCEEDED:
        raise MachineError(
            f"The run {run.run_id} ended as {run.state}: {failure_sentence(kubeflow, run)}; "
            f"`rlr pipeline logs {run.run_id}` shows more."
        )


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"Run:  {document['run_id']} ({document['state']})"
    if document["url"]:
        yield f"Page: {document['url']}"
