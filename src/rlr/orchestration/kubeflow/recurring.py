"""Recurring runs: list them, make one, switch it, delete it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rlr.foundation.errors import UserError
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.kubeflow.run import Run, read_run
from rlr.orchestration.kubeflow.runs import NEWEST_FIRST, open_experiment
from rlr.orchestration.kubeflow.versions import PAGE_SIZE, Version, equal

ENABLED = "ENABLED"
GONE = 404
IN_DOUBT = "; whether it was done is not known: give the same command again"


@dataclass(frozen=True)
class RecurringRun:
    """A recurring run that Kubeflow has.

    Attributes:
        id: Its id.
        name: Its name.
        description: Its description, or "".
        enabled: Whether it starts runs.
        created: When it was made, ISO 8601, or "".
        changed: Not before it was last enabled or disabled; ISO 8601, or "".
        experiment_id: Id of the experiment of its runs.
    """

    id: str
    name: str
    description: str
    enabled: bool
    created: str
    changed: str
    experiment_id: str


def list_recurring_runs(kubeflow: Kubeflow) -> list[RecurringRun]:
    """Return all recurring runs of the namespace, the oldest first."""
    found: list[RecurringRun] = []
    token = ""
    with kubeflow.asked_to("list its recurring runs") as client:
        while True:
            answer = client.list_recurring_runs(
                page_token=token, page_size=PAGE_SIZE, namespace=kubeflow.namespace
            )
            # The generated model calls its list as the API does.
            found += [_read(entry) for entry in answer.recurring_runs or []]
            token = answer.next_page_token
            if not token:
                break
    return sorted(found, key=lambda one: (one.created, one.id))


def runs_of(kubeflow: Kubeflow, recurring_run_id: str, limit: int | None = None) -> list[Run]:
    """Return the runs that a recurring run has started, the newest first.

    Args:
        kubeflow: Where.
        recurring_run_id: The recurring run.
        limit: Greatest number; None: all.
    """
    found: list[Run] = []
    token = ""
    with kubeflow.asked_to("list the runs of a schedule") as client:
        while limit is None or len(found) < limit:
            answer = client.list_runs(
                page_token=token,
                page_size=PAGE_SIZE if limit is None else limit,
                sort_by=NEWEST_FIRST,
                namespace=kubeflow.namespace,
                filter=equal("recurring_run_id", recurring_run_id),
            )
            # A server that does not know the filter must not make strangers of its runs.
            found += [
                read_run(one)
                for one in answer.runs or []
                if one.recurring_run_id == recurring_run_id
            ]
            token = answer.next_page_token
            if not token:
                break
    return found[:limit]


def make_disabled(
    kubeflow: Kubeflow, name: str, description: str, version: Version, order: dict[str, Any]
) -> str:
    """Make a recurring run that does not start anything yet.

    Args:
        kubeflow: Where.
        name: Its name.
        description: Its description.
        version: Version of the pipeline that it runs.
        order: cron or interval_second, arguments, concurrency, catch_up, experiment,
            service_account.

    Returns:
        Its id.
    """
    experiment = open_experiment(kubeflow, order["experiment"])
    with kubeflow.asked_to(f"make the recurring run {name}", IN_DOUBT) as client:
        made = client.create_recurring_run(
            experiment_id=experiment,
            job_name=name,
            description=description,
            cron_expression=order["cron"],
            interval_second=order["interval_second"],
            max_concurrency=order["concurrency"],
            no_catchup=not order["catch_up"],
            params=order["arguments"],
            pipeline_id=version.pipeline_id,
            version_id=version.version_id,
            enabled=False,
            service_account=order["service_account"],
        )
    return str(made.recurring_run_id)


def switch(kubeflow: Kubeflow, one: RecurringRun, on: bool) -> None:
    """Let a recurring run start runs, or let it be; one that is gone stays gone."""
    word = "enable" if on else "disable"

    def act(client: Any) -> None:
        getattr(client, f"{word}_recurring_run")(one.id)

    _unless_gone(kubeflow, f"{word} the recurring run {one.name}", act)


def delete(kubeflow: Kubeflow, one: RecurringRun) -> None:
    """Delete a recurring run, and with it its runs in flight; one that is gone stays gone."""
    _unless_gone(
        kubeflow,
        f"delete the recurring run {one.name}",
        lambda client: client.delete_recurring_run(one.id),
    )


def _unless_gone(kubeflow: Kubeflow, action: str, act: Callable[[Any], None]) -> None:
    try:
        with kubeflow.asked_to(action, IN_DOUBT) as client:
            act(client)
    except UserError as error:
        if getattr(error.__cause__, "status", None) != GONE:
            raise


def _read(entry: Any) -> RecurringRun:
    created, changed = (
        moment.isoformat(timespec="seconds") if moment else ""
        for moment in (entry.created_at, entry.updated_at or entry.created_at)
    )
    return RecurringRun(
        str(entry.recurring_run_id),
        str(entry.display_name),
        str(entry.description or ""),
        entry.status == ENABLED,
        created,
        changed,
        str(entry.experiment_id),
    )
