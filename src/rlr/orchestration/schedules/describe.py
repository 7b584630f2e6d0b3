"""The schedules of a file in words and numbers."""

from datetime import UTC, datetime
from typing import Any

from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.times import times_of


def describe(declared: Declared) -> dict[str, Any]:
    """Return what a file declares, each schedule with its next instant."""
    now = datetime.now(UTC)
    schedules = declared.schedules
    return {
        "file": str(declared.path),
        "cluster_timezone": schedules.cluster_timezone,
        "experiment": schedules.experiment,
        "service_account": schedules.service_account,
        "schedules": [
            {
                **one.model_dump(mode="json", exclude={"parameters", "timezone"}),
                "when": one.cron or f"every {one.interval}",
                "timezone": None if one.cron is None else schedules.zone_of(one),
                "parameters": declared.arguments(one),
                "next_fire": times_of(schedules, one, now).after(now).isoformat(timespec="seconds")
                if one.enabled
                else None,
            }
            for one in schedules.schedules
        ],
    }
