"""Runs on a cluster: start one, look one up, list them."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlr.foundation.errors import UserError
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.kubeflow.failures import ConflictError
from rlr.orchestration.kubeflow.run import Run, read_run
from rlr.orchestration.kubeflow.versions import PAGE_SIZE, Version, named, package

if TYPE_CHECKING:
    from rlr.orchestration.kubeflow.client import KubeflowClient

IN_DOUBT = "; whether the run was started is not known: see `rlr pipeline runs`"
NEWEST_FIRST = "created_at desc"

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Order:
    """What to run.

    Attributes:
        source: A compiled pipeline, or an uploaded version.
        arguments: Values of the pipeline's parameters.
        experiment: Kubeflow's experiment; it is made where there is none.
        name: Name of the run.
        service_account: Kubernetes' account of the steps; None: that of the namespace.
    """

    source: str | Version
    arguments: dict[str, Any]
    experiment: str
    name: str
    service_account: str | None = None


def start_run(kubeflow: Kubeflow, order: Order) -> Run:
    """Start a run.

    Args:
        kubeflow: Where.
        order: What.

    Raises:
        UserError: Kubeflow refuses it.
        MachineError: Kubeflow failed or was lost.
    """
    experiment = open_experiment(kubeflow, order.experiment)
    common = {
        "experiment_id": experiment,
        "job_name": order.name,
        "params": order.arguments,
        "service_account": order.service_account,
    }
    with kubeflow.asked_to("start the run", IN_DOUBT) as client:
        if isinstance(order.source, Version):
            version = order.source
            started = client.run_pipeline(
                pipeline_id=version.pipeline_id, version_id=version.version_id, **common
            )
        else:
            with package(order.source) as file:
                started = client.run_pipeline(pipeline_package_path=str(file), **common)
    return read_run(started)


def find_run(kubeflow: Kubeflow, run_id: str) -> Run:
    """Return a run with its steps.

    Raises:
        UserError: There is none of that id.
    """
    with kubeflow.asked_to(f"show the run {run_id}") as client:
        return read_run(client.get_run(run_id))


def list_runs(
    kubeflow: Kubeflow, experiment: str | None = None, state: str | None = None, limit: int = 20
) -> list[Run]:
    """Return runs, the newest first.

    Args:
        kubeflow: Where.
        experiment: Name of an experiment; None: of all.
        state: State of the runs; None: any.
        limit: Greatest number.

    Raises:
        UserError: There is no such experiment.
    """
    found: list[Run] = []
    with kubeflow.asked_to("list its runs") as client:
        place: dict[str, str | None] = {"namespace": kubeflow.namespace}
        if experiment:
            place = {"experiment_id": _find_experiment(kubeflow, client, experiment)}
        token = ""
        while len(found) < limit:
            answer = client.list_runs(
                page_token=token, page_size=PAGE_SIZE, sort_by=NEWEST_FIRST, **place
            )
            runs = [read_run(entry) for entry in answer.runs or []]
            # Servers differ in whether they filter by state; the state is in the answer.
            found += [run for run in runs if state in (None, run.state)]
            token = answer.next_page_token
            if not token:
                break
    return found[:limit]


def _find_experiment(kubeflow: Kubeflow, client: "KubeflowClient", name: str) -> str:
    answer = client.list_experiments(filter=named(name), namespace=kubeflow.namespace)
    if not answer.experiments:
        raise UserError(f"Kubeflow at {kubeflow.address} has no experiment {name}.")
    return str(answer.experiments[0].experiment_id)


def open_experiment(kubeflow: Kubeflow, name: str) -> str:
    """Return the id of an experiment; it is made where there is none."""

    def ask() -> str:
        with kubeflow.asked_to("open the experiment") as client:
            made = client.create_experiment(name, namespace=kubeflow.namespace)
            return str(made.experiment_id)

    try:
        return ask()
    except ConflictError:  # somebody else was faster, and now it is there
        return ask()
