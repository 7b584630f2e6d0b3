"""What a scheduler of this machine remembers: `.rlr/schedule/NAME`, a state and a record a run.

A run's record is written before the run is started, so a killed scheduler starts nothing twice. A
run holds a lock on a file beside its record for as long as it lives, whoever has started it: so the
next scheduler knows whether it still runs, without trusting a process id.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlr.foundation.atomic import explained_writes
from rlr.foundation.documents import read_json, write_json
from rlr.foundation.errors import UserError

PLACE = Path(".rlr/schedule")
STATE = "state.json"
LOCK = "lock"
RUNNING, SUCCEEDED, FAILED, STOPPED, LOST = "running", "succeeded", "failed", "stopped", "lost"


@dataclass(frozen=True)
class State:
    """How far a schedule has come.

    Attributes:
        trigger: Digest of when it fires; another one begins anew.
        anchor: From when on the runs of an interval are counted, ISO 8601.
        after: What fires later than this is still to be run, ISO 8601.
        last_fire: The last instant that was run; None: none yet.
    """

    trigger: str
    anchor: str
    after: str
    last_fire: str | None = None


@dataclass(frozen=True)
class Record:
    """A run of a schedule.

    Attributes:
        schedule: Name of the schedule.
        scheduled: The instant that it was due, ISO 8601.
        started: When it was started.
        outcome: running, succeeded, failed, stopped (with the scheduler) or lost (nobody saw its
            end).
        finished: When it was over; None: not yet, or nobody knows.
        status: Exit status; None: not known.
        message: Why it failed.
        run_folder: Folder of the pipeline's run.
        log: What it said.
    """

    schedule: str
    scheduled: str
    started: str
    outcome: str
    log: str
    finished: str | None = None
    status: int | None = None
    message: str | None = None
    run_folder: str | None = None


class Diary:
    """The folder of one schedule."""

    def __init__(self, root: Path, name: str) -> None:
        self.folder = root / PLACE / name
        self.name = name

    def read(self) -> State | None:
        """Return how far the schedule has come, or None where it has never been seen."""
        path = self.folder / STATE
        if not path.is_file():
            return None
        try:
            return State(**read_json(path))
        except TypeError as error:
            raise UserError(
                f"{path} is not the state of a schedule; remove it, and the schedule begins anew."
            ) from error

    def write(self, state: State) -> None:
        """Remember how far the schedule has come."""
        write_json(self.folder / STATE, asdict(state))

    def forget(self) -> None:
        """Forget how far it has come: once enabled again, it begins anew."""
        (self.folder / STATE).unlink(missing_ok=True)

    def begin(self, due: datetime, now: datetime) -> "Entry":
        """Write down that a run begins, and take its lock."""
        stem = now.strftime("%Y%m%dT%H%M%S.%fZ")
        self.folder.mkdir(parents=True, exist_ok=True)
        entry = Entry(self.folder / f"{stem}.json")
        log = str(entry.beside(".log"))
        entry.write(Record(self.name, text_of(due), text_of(now), RUNNING, log))
        return entry

    def entries(self) -> list["Entry"]:
        """Return the runs, the oldest first."""
        files = sorted(self.folder.glob("*Z.json"))
        return [Entry(file) for file in files]


@dataclass(frozen=True)
class Entry:
    """A run's files: record, log, answer and lock, beside each other.

    Attributes:
        path: The record.
    """

    path: Path

    def beside(self, suffix: str) -> Path:
        """Return the file of another kind."""
        return self.path.with_suffix(suffix)

    def read(self) -> Record:
        """Return the record."""
        return Record(**read_json(self.path))

    def write(self, record: Record) -> None:
        """Write the record."""
        write_json(self.path, asdict(record))

    def take_lock(self) -> int:
        """Return a descriptor with the lock; whoever inherits it holds it, too."""
        descriptor = _open_lock(self.beside(".lock"))
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def is_alive(self) -> bool:
        """Return whether somebody holds the lock."""
        return not try_lock(self.beside(".lock"))

    def wait(self) -> None:
        """Wait until nobody holds the lock."""
        os.close(self.take_lock())

    def close(self, outcome: str, now: datetime | None, status: int | None = None) -> Record:
        """Write down how the run ended; its answer and its last words say more."""
        message = self._last_words() if outcome in (FAILED, LOST) else None
        record = replace(
            self.read(),
            outcome=outcome,
            finished=text_of(now) if now else None,
            status=status,
            message=message,
            run_folder=self.answer().get("folder"),
        )
        self.write(record)
        return record

    def close_lost(self) -> Record:
        """Write down the end of a run that its scheduler has not seen: its answer is the proof."""
        return self.close(SUCCEEDED if self.answer() else LOST, None)

    def answer(self) -> dict[str, Any]:
        """Return what the run has answered, whole; {} where it has not."""
        try:
            document = json.loads(self.beside(".out").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def _last_words(self) -> str | None:
        try:
            lines = self.beside(".log").read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return None
        said = [line for line in lines if line.strip()]
        return said[-1].removeprefix("rlr: ") if said else None


def _open_lock(path: Path) -> int:
    """Open the file of a lock, which is made where there is none; children do not inherit it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def try_lock(path: Path) -> bool:
    """Return whether nobody holds the lock on a file."""
    try:
        descriptor = _open_lock(path)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


@contextmanager
def one_scheduler(root: Path) -> Iterator[None]:
    """Hold the lock of a checkout's schedules for as long as the block lasts.

    Raises:
        UserError: Another scheduler holds it.
    """
    path = root / PLACE / LOCK
    with explained_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _open_lock(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"A scheduler runs in {root} already (process {holder(root) or 'unknown'}); stop "
                "it first, or leave the schedules to it."
            ) from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def holder(root: Path) -> int | None:
    """Return the process of the scheduler that runs in a checkout, or None."""
    path = root / PLACE / LOCK
    if not path.is_file() or try_lock(path):
        return None
    words = path.read_text(encoding="utf-8").strip()
    return int(words) if words.isdecimal() else 0


def text_of(moment: datetime) -> str:
    """Return a moment as it stands in records."""
    return moment.astimezone(UTC).isoformat()


def moment_of(text: str) -> datetime:
    """Return the moment that a record names."""
    return datetime.fromisoformat(text)
