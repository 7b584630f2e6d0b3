"""When schedules fire, against the scheduler of Kubeflow and against the clock on the wall.

`robfig.json` was written by robfig/cron, which Kubeflow's scheduler uses, by way of `robfig.go`.
For each expression it has the number of instants of 2026 and the SHA-256 of their Unix times, one a
line; or that it is refused.
"""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from rlr.config.cron import parse_cron
from rlr.orchestration.schedules.times import CronTimes, IntervalTimes

GOLDEN = json.loads((Path(__file__).parent / "robfig.json").read_text())
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 1, 1, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def label(entry: dict[str, Any]) -> str:
    return f"{entry['zone']} {entry['cron']}"


@pytest.mark.parametrize("entry", [one for one in GOLDEN if "count" in one], ids=label)
def test_a_cron_fires_when_kubeflow_lets_it(entry: dict[str, Any]) -> None:
    times = CronTimes(parse_cron(entry["cron"]), ZoneInfo(entry["zone"]))
    found, moment = hashlib.sha256(), times.after(BEGIN)
    count = 0
    while moment <= END:
        found.update(f"{int(moment.timestamp())}\n".encode())
        moment = times.after(moment)
        count += 1
    assert count == entry["count"]
    assert found.hexdigest() == entry["sha256"]


@pytest.mark.parametrize("entry", [one for one in GOLDEN if "refused" in one], ids=label)
def test_a_cron_that_kubeflow_refuses_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_cron(entry["cron"])


def local(expression: str, begin: datetime, count: int) -> list[str]:
    times = CronTimes(parse_cron(expression), BERLIN)
    moments = []
    for _ in range(count):
        begin = times.after(begin)
        moments.append(begin.astimezone(BERLIN).isoformat())
    return moments


def test_an_hour_that_is_left_out_has_no_run() -> None:
    assert local("0 30 2 * * *", datetime(2026, 3, 28, tzinfo=BERLIN), 2) == [
        "2026-03-28T02:30:00+01:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_an_hour_that_comes_twice_has_both() -> None:
    assert local("0 0,30 2 * * *", datetime(2026, 10, 25, tzinfo=BERLIN), 5) == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:00:00+01:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-26T02:00:00+01:00",
    ]


def test_the_second_before_a_change_is_no_exception() -> None:
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 02:00 becomes 03:00
    for early in (timedelta(seconds=1), timedelta(milliseconds=1)):
        assert local("0 0 3 * * *", change - early, 1) == ["2026-03-29T03:00:00+02:00"]


def test_the_last_instant_is_that_of_a_plain_walk() -> None:
    times = CronTimes(parse_cron("0 7-40/11 2 * 3,10 *"), BERLIN)
    walked, moment = [], times.after(BEGIN)
    while moment <= END:
        walked.append(moment)
        moment = times.after(moment)
    for until in (walked[40], walked[70] + timedelta(hours=5), datetime(2026, 8, 1, tzinfo=UTC)):
        since = BEGIN + timedelta(seconds=1)
        assert times.last(since, until) == max(one for one in walked if one <= until)
    assert times.last(walked[9], walked[9] + timedelta(seconds=9)) is None


def test_an_interval_keeps_its_steps() -> None:
    times = IntervalTimes(timedelta(hours=6), BEGIN)
    assert times.after(BEGIN) == BEGIN + timedelta(hours=6)
    assert times.after(BEGIN + timedelta(hours=6)) == BEGIN + timedelta(hours=12)
    assert times.last(BEGIN, BEGIN + timedelta(hours=5)) is None
    assert times.last(BEGIN, BEGIN + timedelta(hours=25)) == BEGIN + timedelta(hours=24)
    late = BEGIN + timedelta(hours=24)
    assert times.last(late, BEGIN + timedelta(hours=25)) is None


def test_the_clock_of_apscheduler_fires_at_these_instants() -> None:
    from rlr.orchestration.schedules.here.clock import TimesTrigger

    # Monday is 1 here, and 0 to APScheduler's own cron.
    trigger = TimesTrigger(CronTimes(parse_cron("0 0 3 * * 1"), BERLIN))
    first = trigger.get_next_fire_time(None, BEGIN)
    assert first.astimezone(BERLIN).isoformat() == "2026-01-05T03:00:00+01:00"
    second = trigger.get_next_fire_time(first, first)
    assert second - first == timedelta(days=7)
    # What was slept through is one call, not one each.
    assert trigger.get_next_fire_time(first, END) > END
