"""When a schedule fires.

A cron expression fires at every instant whose wall clock in its zone fits, as on Kubeflow: an hour
that a time zone leaves out has none, and one that it has twice has both.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol
from zoneinfo import ZoneInfo

from rlr.config.cron import Cron, parse_cron
from rlr.config.schedules import Schedule, Schedules, interval_seconds

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


class Times(Protocol):
    """The instants at which a schedule fires."""

    def after(self, moment: datetime) -> datetime:
        """Return the first one that is later than a moment; both know their zone."""

    def last(self, since: datetime, until: datetime) -> datetime | None:
        """Return the last one that is later than `since` and not later than `until`."""


@dataclass(frozen=True)
class CronTimes:
    """Instants of a cron expression.

    Attributes:
        cron: The expression.
        zone: The zone whose wall clock it means.
    """

    cron: Cron
    zone: tzinfo

    def after(self, moment: datetime) -> datetime:
        """Return the first instant that is later than a moment, in UTC.

        Example:
            >>> times = CronTimes(parse_cron("0 0 3 * * *"), ZoneInfo("Europe/Berlin"))
            >>> times.after(datetime(2026, 7, 1, tzinfo=UTC)).isoformat()
            '2026-07-01T01:00:00+00:00'
        """
        start = moment.astimezone(UTC).replace(microsecond=0)
        offset = self._offset(start + SECOND)  # that of the first instant in question
        while True:
            found = self._next_wall(start.replace(tzinfo=None) + offset) - offset
            instant = found.replace(tzinfo=UTC)
            change = self._first_change(start, instant)
            if change is None:
                return instant
            # From here on the wall shows another time; the instant of the change counts, too.
            offset = self._offset(change)
            start = change - SECOND

    def last(self, since: datetime, until: datetime) -> datetime | None:
        """Return the last instant that is later than `since` and not later than `until`."""
        window = timedelta(minutes=1)
        while True:
            begin = max(since, until - window)
            found = None
            for instant in _between(self, begin, until):
                found = instant
            if found is not None or begin == since:
                return found
            window *= 4

    def _next_wall(self, wall: datetime) -> datetime:
        from croniter import croniter

        found: datetime = croniter(
            self.cron.written_out(),
            wall,
            ret_type=datetime,
            day_or=self.cron.either_day,
            second_at_beginning=True,
        ).get_next()
        return found

    def _first_change(self, start: datetime, end: datetime) -> datetime | None:
        """Return the first instant in (start + 1 s, end] at which the zone's clock is moved."""
        low = start + SECOND
        offset = self._offset(low)
        while low < end:
            high = min(low + DAY, end)
            if self._offset(high) == offset:
                low = high
                continue
            while high - low > SECOND:
                middle = low + timedelta(seconds=(high - low) // SECOND // 2)
                low, high = (middle, high) if self._offset(middle) == offset else (low, middle)
            return high.replace(microsecond=0)
        return None

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset() or timedelta(0)


@dataclass(frozen=True)
class IntervalTimes:
    """Instants at one distance from each other.

    Attributes:
        length: The distance.
        anchor: The instant from which they are counted; it is none of them.
    """

    length: timedelta
    anchor: datetime

    def after(self, moment: datetime) -> datetime:
        """Return the first instant that is later than a moment."""
        steps = max(0, (moment - self.anchor) // self.length)
        return self.anchor + (steps + 1) * self.length

    def last(self, since: datetime, until: datetime) -> datetime | None:
        """Return the last instant that is later than `since` and not later than `until`."""
        steps = (until - self.anchor) // self.length
        found = self.anchor + steps * self.length
        return found if steps > 0 and found > since else None


def times_of(
    schedules: Schedules, schedule: Schedule, anchor: datetime
) -> CronTimes | IntervalTimes:
    """Return when a schedule fires.

    Args:
        schedules: The file that it stands in.
        schedule: The schedule.
        anchor: From when on the runs of an interval are counted.
    """
    if schedule.interval is not None:
        return IntervalTimes(timedelta(seconds=interval_seconds(schedule.interval)), anchor)
    assert schedule.cron is not None
    return CronTimes(parse_cron(schedule.cron), ZoneInfo(schedules.zone_of(schedule)))


def _between(times: Times, since: datetime, until: datetime) -> Iterator[datetime]:
    instant = times.after(since)
    while instant <= until:
        yield instant
        instant = times.after(instant)
