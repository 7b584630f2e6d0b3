"""APScheduler as the clock of the schedules.

This module imports apscheduler at its top, so import it where it is needed.
"""

from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

from rlr.orchestration.schedules.times import Times


class TimesTrigger(BaseTrigger):
    """Fires when a schedule does; APScheduler's own cron counts weekdays from Monday."""

    def __init__(self, times: Times) -> None:
        self._times = times

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """Return the next instant; what was missed is not the clock's business."""
        return self._times.after(max(now, previous_fire_time or now))


class Clock:
    """Calls what is due, from threads of its own."""

    def __init__(self) -> None:
        # However late a call is, it is made once.
        calls = {"coalesce": True, "misfire_grace_time": None, "max_instances": 10}
        self._scheduler = BackgroundScheduler(timezone=UTC, job_defaults=calls, daemon=True)

    def each(self, times: Times, call: Callable[[], None]) -> None:
        """Call at every instant of a schedule."""
        self._scheduler.add_job(call, TimesTrigger(times))

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """Call nothing any more."""
        self._scheduler.shutdown(wait=False)
