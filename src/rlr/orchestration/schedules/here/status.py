"""What the schedules of this machine do: no cluster is asked."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from rlr.config.schedules import Schedule
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.here.diary import (
    LOST,
    RUNNING,
    Diary,
    Entry,
    holder,
    moment_of,
    text_of,
)
from rlr.orchestration.schedules.times import times_of


def local_status(declared: Declared) -> dict[str, Any]:
    """Return a row for each schedule of a file.

    Args:
        declared: The file.
    """
    return {
        "scheduler": holder(declared.project.root),
        "schedules": [_row(declared, one) for one in declared.schedules.schedules],
    }


def _row(declared: Declared, schedule: Schedule) -> dict[str, Any]:
    diary = Diary(declared.project.root, schedule.name)
    state, entries = diary.read(), diary.entries()
    now = datetime.now(UTC)
    times = times_of(declared.schedules, schedule, moment_of(state.anchor) if state else now)
    return {
        "name": schedule.name,
        "enabled": schedule.enabled,
        "next_fire": text_of(times.after(now)) if schedule.enabled else None,
        "last_fire": state.last_fire if state else None,
        "last_run": _run(entries[-1]) if entries else None,
    }


def _run(entry: Entry) -> dict[str, Any]:
    record = asdict(entry.read())
    if record["outcome"] == RUNNING and not entry.is_alive():
        record["outcome"] = LOST
    return record
