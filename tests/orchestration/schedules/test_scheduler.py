"""The embedded scheduler, with short commands in the place of pipelines, and no cluster."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rlr.config.schedules import Schedule, ScheduleParameters, Schedules
from rlr.foundation.errors import UserError
from rlr.orchestration.project import Project
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.here.child import RLR, Runner, command_of
from rlr.orchestration.schedules.here.diary import Diary, Record, State, one_scheduler, text_of
from rlr.orchestration.schedules.here.scheduler import Scheduler, open_line, read_until
from rlr.orchestration.schedules.here.status import local_status

ANSWER = ("sh", "-c", 'echo \'{"folder": "here"}\'')
Declare = Callable[..., Declared]


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    """Return a function that declares schedules in a checkout."""

    def run(*schedules: dict[str, Any]) -> Declared:
        common = {"name": "often", "pipeline": "short"}
        made = tuple(Schedule(**{**common, **schedule}) for schedule in schedules)
        path = tmp_path / "schedules.yaml"
        return Declared(Project(tmp_path), path, Schedules(schedules=made), {"short": {}})

    return run


def work(
    declared: Declared, seconds: float, command: Sequence[str] = ANSWER, drain: bool = False
) -> int:
    """Run a scheduler for some time."""
    scheduler = Scheduler(declared, lambda _schedule: command, drain)
    return scheduler.run(datetime.now(UTC) + timedelta(seconds=seconds))


def records(declared: Declared, name: str = "often") -> list[Record]:
    return [entry.read() for entry in Diary(declared.project.root, name).entries()]


def left_off(declared: Declared, ago: float) -> None:
    """Write the state of a scheduler that was last alive some time ago."""
    schedule = declared.schedules.schedules[0]
    now = datetime.now(UTC)
    line = open_line(declared, schedule, now)
    earlier = text_of(now - timedelta(seconds=ago))
    line.diary.write(replace(line.state, anchor=earlier, after=earlier))


def send(number: signal.Signals, declared: Declared, *delays: float) -> None:
    """Send a signal to this process some time after the first run was started."""

    def wait() -> None:
        until(lambda: bool(list(declared.project.root.rglob("*.out"))))
        for delay in delays:
            time.sleep(delay)
            os.kill(os.getpid(), number)

    threading.Thread(target=wait, daemon=True).start()


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens elsewhere."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_what_is_due_is_run_and_its_end_is_written_down(declare: Declare) -> None:
    declared = declare({"interval": "0.2s", "catch_up": True})
    assert work(declared, 1.6) == 0
    made = records(declared)
    assert 2 <= len(made) <= 8
    assert {one.outcome for one in made} == {"succeeded"}
    assert {one.run_folder for one in made} == {"here"}
    due = [datetime.fromisoformat(one.scheduled) for one in made]
    assert all(later - earlier == timedelta(seconds=0.2) for earlier, later in pairwise(due))
    assert all(one.started >= one.scheduled for one in made)
    state = Diary(declared.project.root, "often").read()
    assert state is not None
    assert state.last_fire == made[-1].scheduled


def test_a_failure_is_told_in_the_words_of_the_run(declare: Declare) -> None:
    declared = declare({"interval": "10s"})
    left_off(declared, 15)
    work(declared, 0.3, ("sh", "-c", "echo early; echo 'rlr: The disk is full.' >&2; exit 3"))
    (record,) = records(declared)
    assert (record.outcome, record.status) == ("failed", 3)
    assert record.message == "The disk is full."
    assert record.run_folder is None


@pytest.mark.parametrize("concurrency", [1, 2])
def test_no_more_run_at_once_than_may(concurrency: int, declare: Declare, tmp_path: Path) -> None:
    declared = declare({"interval": "10s", "concurrency": concurrency, "catch_up": True})
    left_off(declared, 65)
    script = f"echo 1 >> {tmp_path}/log; sleep 0.2; echo -1 >> {tmp_path}/log"
    work(declared, 1.5, ("sh", "-c", script))
    running, most = 0, 0
    for line in (tmp_path / "log").read_text().split():
        running += int(line)
        most = max(most, running)
    assert (running, most) == (0, concurrency)
    assert len(records(declared)) >= 2 * concurrency


@pytest.mark.parametrize(("catch_up", "count"), [(True, 4), (False, 1)])
def test_what_was_missed_is_made_good(catch_up: bool, count: int, declare: Declare) -> None:
    declared = declare({"interval": "10s", "catch_up": catch_up})
    left_off(declared, 45)
    work(declared, 0.4)
    made = records(declared)
    assert len(made) == count
    ages = [datetime.now(UTC) - datetime.fromisoformat(one.scheduled) for one in made]
    assert [round(age.total_seconds() / 10) * 10 for age in ages] == [40, 30, 20, 10][-count:]
    work(declared, 0.1)  # and it is remembered that they were
    assert len(records(declared)) == count


def test_a_cron_is_due_after_a_restart_too(declare: Declare) -> None:
    declared = declare({"cron": "0 0 3 * * *", "timezone": "Asia/Tokyo"})
    left_off(declared, 3 * 86400)
    work(declared, 0.3)
    (record,) = records(declared)
    assert record.scheduled.endswith("T18:00:00+00:00")
    assert datetime.now(UTC) - datetime.fromisoformat(record.scheduled) < timedelta(days=1)


def test_a_changed_trigger_begins_anew(declare: Declare) -> None:
    left_off(declare({"interval": "10s", "catch_up": True}), 45)
    declared = declare({"interval": "20s", "catch_up": True})
    work(declared, 0.1)
    assert records(declared) == []


def test_what_was_disabled_is_not_caught_up(declare: Declare) -> None:
    on = {"interval": "10s", "catch_up": True}
    left_off(declare(on), 45)
    work(declare({**on, "enabled": False}, {"name": "other", "interval": "1d"}), 0.1)
    declared = declare(on)
    work(declared, 0.1)
    assert records(declared) == []


@pytest.fixture
def hearing() -> Iterator[None]:
    """Let interrupts be heard: a shell starts what it puts into the background deaf to them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("hearing")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_runs(number: signal.Signals, declare: Declare) -> None:
    declared = declare({"interval": "0.1s"})
    send(number, declared, 0.1)
    start = time.monotonic()
    assert work(declared, 60, ("sh", "-c", "sleep 30 & sleep 30")) == number
    assert time.monotonic() - start < 20
    (record,) = records(declared)
    assert (record.outcome, record.status) == ("stopped", -signal.SIGTERM)
    assert record.message is None
    assert signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler)


def test_a_signal_lets_runs_end_where_that_is_wanted(declare: Declare) -> None:
    declared = declare({"interval": "0.1s"})
    send(signal.SIGTERM, declared, 0.1)
    assert work(declared, 60, ("sh", "-c", "sleep 0.6"), drain=True) == signal.SIGTERM
    assert [one.outcome for one in records(declared)] == ["succeeded"]


def test_a_second_signal_ends_them_after_all(declare: Declare) -> None:
    declared = declare({"interval": "0.1s"})
    send(signal.SIGTERM, declared, 0.1, 0.2)
    start = time.monotonic()
    assert work(declared, 60, ("sleep", "30"), drain=True) == signal.SIGTERM
    assert time.monotonic() - start < 20
    assert [one.outcome for one in records(declared)] == ["stopped"]


def test_one_scheduler_a_place(tmp_path: Path, declare: Declare) -> None:
    declared = declare({"interval": "1d"})
    with one_scheduler(tmp_path):
        assert local_status(declared)["scheduler"] == os.getpid()
        second = one_scheduler(tmp_path)
        with pytest.raises(UserError, match=rf"already .process {os.getpid()}.; stop it"), second:
            pass
    with one_scheduler(tmp_path):
        pass
    assert local_status(declared)["scheduler"] is None


KILLED = """
import json, sys
from pathlib import Path
from rlr.config.schedules import Schedule, Schedules
from rlr.orchestration.project import Project
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.here.diary import one_scheduler
from rlr.orchestration.schedules.here.scheduler import Scheduler
root = Path(sys.argv[1])
schedule = Schedule(name="often", pipeline="short", interval="0.2s")
declared = Declared(Project(root), root / "schedules.yaml", Schedules(schedules=(schedule,)), {})
with one_scheduler(root):
    Scheduler(declared, lambda _: ["sh", "-c", sys.argv[2]]).run()
"""


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        ('until [ -e go ]; do sleep 0.05; done; echo \'{"folder": "x"}\'', "succeeded"),
        ("until [ -e go ]; do sleep 0.05; done; exit 1", "lost"),
    ],
)
def test_a_killed_scheduler_leaves_its_run_to_the_next(
    script: str, outcome: str, declare: Declare, tmp_path: Path
) -> None:
    scheduler = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), script])
    declared = declare({"interval": "0.2s"})
    until(lambda: bool(records(declared)) and bool(list(tmp_path.rglob("*.log"))))
    scheduler.kill()
    scheduler.wait()
    assert [row["last_run"]["outcome"] for row in local_status(declared)["schedules"]] == [
        "running"
    ]
    work(declared, 0.5)  # concurrency is 1: nothing more, while the old one goes on
    assert [one.outcome for one in records(declared)] == ["running"]
    (tmp_path / "go").touch()
    first = Diary(tmp_path, "often").entries()[0]
    until(lambda: not first.is_alive())
    work(declared, 0.3)
    made = records(declared)
    assert made[0].outcome == outcome
    assert len(made) > 1


def test_a_schedule_is_run_once(declare: Declare) -> None:
    declared = declare({"cron": "0 0 3 * * *", "enabled": False})
    came, record = Scheduler(declared, lambda _schedule: ANSWER).run_once("often")
    assert (came, record.outcome, record.status) == (0, "succeeded", 0)
    assert Diary(declared.project.root, "often").read() is None  # the times go on as before
    with pytest.raises(UserError, match="has no schedule other"):
        Scheduler(declared, lambda _schedule: ANSWER).run_once("other")


def test_nothing_enabled_is_told(declare: Declare) -> None:
    with pytest.raises(UserError, match="no schedule is enabled"):
        work(declare({"interval": "1s", "enabled": False}), 1)


def test_a_state_that_is_none_is_told(declare: Declare, tmp_path: Path) -> None:
    declared = declare({"interval": "1d"})
    diary = Diary(tmp_path, "often")
    diary.write(State("a", "b", "c"))
    (diary.folder / "state.json").write_text('{"colour": "red"}')
    with pytest.raises(UserError, match="is not the state of a schedule; remove it"):
        work(declared, 0.1)


def test_the_status_tells_the_last_run(declare: Declare) -> None:
    declared = declare({"interval": "10s"}, {"name": "off", "interval": "1d", "enabled": False})
    left_off(declared, 15)
    work(declared, 0.3, ("sh", "-c", "echo bad >&2; exit 1"))
    often, off = local_status(declared)["schedules"]
    assert (often["last_run"]["outcome"], often["last_run"]["message"]) == ("failed", "bad")
    assert often["last_fire"] == often["last_run"]["scheduled"]
    assert often["next_fire"] > often["last_fire"]
    assert (off["next_fire"], off["last_run"]) == (None, None)


def test_a_run_is_given_what_the_file_says(declare: Declare, tmp_path: Path) -> None:
    given = {
        "config": "tiny",
        "overrides": ("training.epochs=3", "data.root=a b"),
        "data_version": "x.dir",
        "seed": 0,
        "force": True,
        "dry_run": False,
        "since_day": "monday",
    }
    declared = declare({"interval": "1d", "parameters": ScheduleParameters(**given)})
    runner = Runner("docker", "a:1", "b:2")
    assert command_of(declared, declared.schedules.schedules[0], runner) == [
        *RLR,
        *("pipeline", "run", "short", "--json", "--runner=docker"),
        *("--image-pipeline=a:1", "--image-train=b:2", f"--project={tmp_path}", "--config=tiny"),
        *("--set=training.epochs=3", "--set=data.root=a b", "--data-version=x.dir", "--seed=0"),
        *("--force", "--since-day=monday"),
    ]
    own = replace(
        declared,
        schedules=declare(
            {"interval": "1d", "parameters": ScheduleParameters(config="own.yaml")}
        ).schedules,
    )
    words = command_of(own, own.schedules.schedules[0], Runner())
    assert f"--config={tmp_path / 'own.yaml'}" in words


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("2026-12-24T18:00+01:00", datetime(2026, 12, 24, 17, tzinfo=UTC)),
        ("2026-12-24T18:00:00Z", datetime(2026, 12, 24, 18, tzinfo=UTC)),
    ],
)
def test_an_end_may_be_a_moment(words: str, moment: datetime) -> None:
    assert read_until(words) == moment


def test_an_end_may_be_an_interval() -> None:
    left = read_until("1h") - datetime.now(UTC)
    assert timedelta(minutes=59) < left <= timedelta(hours=1)
    with pytest.raises(UserError, match="write a moment"):
        read_until("soon")
