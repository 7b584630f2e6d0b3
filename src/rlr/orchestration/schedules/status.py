"""What a cluster makes of the schedules: what is there, when it fires, how the last run ended."""

from datetime import UTC, datetime
from typing import Any

from rlr.config.schedules import Schedule
from rlr.orchestration.kubeflow import recurring
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.kubeflow.versions import PAGE_SIZE
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.plan import Found, ours
from rlr.orchestration.schedules.times import times_of

ABSENT = "absent"


def cluster_status(kubeflow: Kubeflow, declared: Declared) -> list[dict[str, Any]]:
    """Return a row for each recurring run of ours, and for each schedule that has none.

    Args:
        kubeflow: The cluster.
        declared: The file.
    """
    found = ours(recurring.list_recurring_runs(kubeflow))
    rows = []
    for schedule in declared.schedules.schedules:
        have = [one for one in found if one.schedule == schedule.name]
        rows += [_row(kubeflow, one, declared, schedule) for one in have]
        if not have:
            rows.append({**_nothing(schedule.name), "in_file": True})
    known = {schedule.name for schedule in declared.schedules.schedules}
    rows += [_row(kubeflow, one, declared, None) for one in found if one.schedule not in known]
    return rows


def _nothing(name: str) -> dict[str, Any]:
    keys = ("recurring_run_id", "created", "next_fire", "last_run", "url")
    return {"name": name, "state": ABSENT, **dict.fromkeys(keys), "in_flight": 0}


def _row(
    kubeflow: Kubeflow, found: Found, declared: Declared, schedule: Schedule | None
) -> dict[str, Any]:
    runs = recurring.runs_of(kubeflow, found.run.id, PAGE_SIZE)  # one page is enough to look at
    last = runs[0] if runs else None
    return {
        "name": found.schedule,
        "in_file": schedule is not None,
        "state": "enabled" if found.run.enabled else "disabled",
        "recurring_run_id": found.run.id,
        "created": found.run.created or None,
        "next_fire": _next(declared, schedule, found) if schedule else None,
        "in_flight": sum(not run.is_over for run in runs),
        "last_run": last and {"run_id": last.run_id, "state": last.state, "created": last.created},
        "url": last and kubeflow.page_of_run(last.run_id),
    }


def _next(declared: Declared, schedule: Schedule, found: Found) -> str | None:
    """Return the next instant of a cron; when an interval began, only Kubeflow knows exactly."""
    if not found.run.enabled or schedule.cron is None:
        return None
    now = datetime.now(UTC)
    return times_of(declared.schedules, schedule, now).after(now).isoformat(timespec="seconds")
