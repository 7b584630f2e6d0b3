"""Daemons are known by id and birth, and nothing else is ever ended."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlr.foundation.errors import MachineError
from rlr.infrastructure.services.processes import Daemon, Processes, has_ended

FOREVER = ("sleep", "1000")


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    made.stop([file.stem for file in (tmp_path / "run").glob("*.json")], seconds=0)


def pid(processes: Processes, name: str) -> int:
    found = processes.pid(name)
    assert found is not None
    return found


def ends(pid: int) -> bool:
    for _ in range(100):
        if has_ended(pid):
            return True
        time.sleep(0.05)
    return False


def child_of(processes: Processes, name: str) -> int:
    """Return what the daemon wrote into its log: the id of its own child."""
    for _ in range(100):
        words = processes.last_words(name)
        if words:
            return int(words)
        time.sleep(0.05)
    raise AssertionError("the daemon said nothing")


def test_a_daemon_lives_until_it_is_stopped(processes: Processes) -> None:
    processes.start(Daemon("one", FOREVER))
    first = pid(processes, "one")
    assert os.getsid(first) == first != os.getsid(0)
    processes.stop(["one", "never-started"], seconds=5)
    assert processes.pid("one") is None
    assert has_ended(first)


def test_it_inherits_no_secret(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-the-user")
    processes.start(Daemon("one", ("sh", "-c", "env; echo end; sleep 1000"), {"MINE": "yes"}))
    log = processes.log("one")
    for _ in range(100):
        if "end" in log.read_text():
            break
        time.sleep(0.05)
    assert "MINE=yes" in log.read_text()
    assert "of-the-user" not in log.read_text()


def test_a_killed_daemon_does_not_live(processes: Processes) -> None:
    processes.start(Daemon("one", FOREVER))
    os.kill(pid(processes, "one"), signal.SIGKILL)
    time.sleep(0.2)
    assert processes.pid("one") is None


def test_what_a_killed_daemon_leaves_is_ended_before_it_starts_again(processes: Processes) -> None:
    family = ("sh", "-c", "sleep 1000 & echo $!; wait")
    processes.start(Daemon("one", family))
    orphan = child_of(processes, "one")
    os.kill(pid(processes, "one"), signal.SIGKILL)
    time.sleep(0.2)
    assert not has_ended(orphan)
    processes.start(Daemon("one", FOREVER))
    assert ends(orphan)
    assert processes.pid("one") is not None


def test_a_deaf_daemon_is_killed_with_its_children(processes: Processes) -> None:
    processes.start(Daemon("deaf", ("sh", "-c", "trap '' TERM; sleep 1000 & echo $!; wait")))
    child = child_of(processes, "deaf")
    start = time.monotonic()
    processes.stop(["deaf"], seconds=0.5)
    assert 0.4 < time.monotonic() - start < 5
    assert ends(child)


def test_a_halted_daemon_can_be_stopped(processes: Processes) -> None:
    processes.start(Daemon("one", FOREVER))
    os.kill(pid(processes, "one"), signal.SIGSTOP)
    start = time.monotonic()
    processes.stop(["one"], seconds=10)
    assert time.monotonic() - start < 5


def test_a_stranger_with_the_same_number_is_left_alone(
    processes: Processes, tmp_path: Path
) -> None:
    processes.start(Daemon("one", FOREVER))
    time.sleep(0.05)  # births are told apart by hundredths of a second
    stranger = subprocess.Popen(FOREVER, start_new_session=True)
    try:
        file = tmp_path / "run" / "one.json"
        record = json.loads(file.read_text())
        ours = record["pid"]
        file.write_text(json.dumps(record | {"pid": stranger.pid}))
        assert processes.pid("one") is None
        processes.stop(["one"], seconds=1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
        os.kill(ours, signal.SIGKILL)


def test_a_program_that_is_not_there_is_told(processes: Processes) -> None:
    with pytest.raises(MachineError, match=r"one cannot be started .*no-such-program"):
        processes.start(Daemon("one", ("no-such-program",)))


def test_a_long_log_is_put_aside(processes: Processes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rlr.infrastructure.services.processes.LOG_BYTES", 10)
    log = processes.log("one")
    log.parent.mkdir(parents=True)
    log.write_text("what was said in former lives")
    processes.start(Daemon("one", FOREVER))
    assert log.read_text() == ""
    assert log.with_suffix(".old.log").read_text() == "what was said in former lives"
