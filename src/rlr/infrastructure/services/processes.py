"""Daemons: each leads a session of its own, is known by id and birth, and is ended by that alone.

An id alone may belong to a stranger by now: ids are used again. The moment of birth tells.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rlr.foundation.documents import read_json, write_json
from rlr.foundation.errors import MachineError

PROC = Path("/proc")
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
LOG_BYTES = 16 * 2**20  # a longer one is put aside when its daemon starts again
KILL_SECONDS = 5  # until the system has cleared away what was killed
POLL = 0.05  # seconds between two looks at a process that is to end
DEAD = ("Z", "X")

# Children are kept, so that one that dies is reaped and does not look alive for ever.
_children: list[subprocess.Popen] = []


@dataclass(frozen=True)
class Daemon:
    """A process that outlives the command that starts it.

    Attributes:
        name: Its name in logs, in `status`, and of its files.
        command: Program and arguments; never a secret, for everybody may read them.
        environment: Variables beside the few that every process needs.
        user: User that it runs as; None: the one who starts it.
        stop_signal: What asks it to end.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: int = signal.SIGTERM


@dataclass(frozen=True)
class _Birth:
    """What `/proc` says of a process: its state, its session, and its start in clock ticks."""

    state: str
    session: int
    start: int


class Processes:
    """The daemons of one folder: `run/NAME.json` says which process, `log/NAME.log` what it said.

    Args:
        folder: Folder of the services.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def log(self, name: str) -> Path:
        """Return the log of a daemon."""
        return self._folder / "log" / f"{name}.log"

    def start(self, daemon: Daemon) -> None:
        """Start a daemon, after what may be left of its last life has been ended.

        Raises:
            MachineError: The program cannot be run.
        """
        self.stop([daemon.name], seconds=0)
        log = self.log(daemon.name)
        log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    list(daemon.command),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    env=inherited | dict(daemon.environment),
                    start_new_session=True,
                    **identity(daemon.user),
                )
        except OSError as error:
            raise MachineError(f"{daemon.name} cannot be started ({error}).") from error
        _children.append(process)
        birth = _birth(process.pid)
        record = {"pid": process.pid, "start": birth.start if birth else 0}
        write_json(self._record(daemon.name), record | {"stop_signal": int(daemon.stop_signal)})

    def pid(self, name: str) -> int | None:
        """Return the process id of a daemon, or None where it does not live."""
        record = self._recorded(name)
        return record["pid"] if record and _lives(record) else None

    def stop(self, names: Sequence[str], seconds: float) -> None:
        """Ask daemons to end, one after another; kill what has not ended in time.

        Args:
            names: Names, in the order in which they are to end.
            seconds: Time that each has for it.
        """
        for name in names:
            record = self._recorded(name)
            if record is None:
                continue
            if seconds and _lives(record):
                _signal(record["pid"], record["stop_signal"])
                # One that was halted cannot hear before it goes on.
                _signal(record["pid"], signal.SIGCONT)
                _wait_for_end(record, seconds)
            for pid in _members(record):
                _signal(pid, signal.SIGKILL)
            _wait_for_end(record, KILL_SECONDS)
            self._record(name).unlink(missing_ok=True)

    def last_words(self, name: str, lines: int = 3) -> str:
        """Return the end of a daemon's log, in one line."""
        try:
            text = self.log(name).read_text(errors="replace")
        except OSError:
            return ""
        return " / ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())

    def _record(self, name: str) -> Path:
        return self._folder / "run" / f"{name}.json"

    def _recorded(self, name: str) -> dict[str, int] | None:
        path = self._record(name)
        return dict(read_json(path)) if path.exists() else None


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or is only waiting for its parent to take notice."""
    birth = _birth(pid)
    return birth is None or birth.state in DEAD


def identity(user: str | None) -> dict[str, Any]:
    """Return what makes a child process run as a user, or as ours where that is None."""
    return {"user": user, "group": user, "extra_groups": []} if user else {}


def _birth(pid: int) -> _Birth | None:
    try:
        # The name of the program stands in brackets and may hold anything.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return _Birth(fields[0], int(fields[3]), int(fields[19]))


def _lives(record: Mapping[str, int]) -> bool:
    for child in _children:
        if child.pid == record["pid"]:
            child.poll()
    birth = _birth(record["pid"])
    return birth is not None and birth.start == record["start"] and birth.state not in DEAD


def _members(record: Mapping[str, int]) -> Iterator[int]:
    """Yield the living processes of the session that a daemon led, itself first where it lives.

    The system gives an id to nobody as long as a session of that number has members: they are
    the daemon's, unless a stranger leads the session.
    """
    leader = _birth(record["pid"])
    if leader is not None and leader.start != record["start"]:
        return
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            birth = _birth(int(entry.name))
            if birth and birth.session == record["pid"] and birth.state not in DEAD:
                yield int(entry.name)


def _wait_for_end(record: Mapping[str, int], seconds: float) -> None:
    """Wait until a daemon and all that it started are gone, with their ports and locks."""
    deadline = time.monotonic() + seconds
    while (_lives(record) or any(_members(record))) and time.monotonic() < deadline:
        time.sleep(POLL)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
