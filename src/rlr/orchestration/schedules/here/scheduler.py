"""The embedded scheduler: what is due is run, as far as concurrency lets it.

All happens in one thread, one event after the other: something is due, a run has ended, a signal
has come. The clock and the threads that wait for runs only put events into the queue.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import SimpleQueue
from signal import SIGINT, SIGKILL, SIGTERM, getsignal, signal

from rlr.config.schedules import Schedule, interval_seconds
from rlr.foundation.documents import digest
from rlr.foundation.errors import UserError
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.here.child import Child
from rlr.orchestration.schedules.here.diary import (
    FAILED,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    Diary,
    Entry,
    Record,
    State,
    moment_of,
    text_of,
)
from rlr.orchestration.schedules.times import Times, times_of

GRACE = 10.0  # seconds that a run has to end after it was asked to
STOPPING = "asked to stop: nothing more is started"

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Due:
    """A schedule may have something to run."""

    name: str


@dataclass(frozen=True)
class Ended:
    """A run is over."""

    name: str
    entry: Entry
    status: int | None  # None: a scheduler before this one has started it


@dataclass(frozen=True)
class Stop:
    """Nothing more is to be started; signal 0: the time is up."""

    signal: int


@dataclass(frozen=True)
class Kill:
    """What has not ended is to be killed."""


class Line:
    """A schedule at work."""

    def __init__(self, schedule: Schedule, diary: Diary, times: Times, state: State) -> None:
        self.schedule = schedule
        self.diary = diary
        self.times = times
        self.state = state
        self.running: dict[Entry, Child | None] = {}

    def due(self, now: datetime) -> datetime | None:
        """Return the instant that is to be run now, or None.

        As on Kubeflow: with `catch_up` one missed instant after the other, without it the last.
        """
        after = moment_of(self.state.after)
        if not self.schedule.catch_up:
            return self.times.last(after, now)
        first = self.times.after(after)
        return first if first <= now else None

    def has_room(self) -> bool:
        """Return whether one more run may be started."""
        return len(self.running) < self.schedule.concurrency

    def begin(self, due: datetime, now: datetime) -> Entry:
        """Remember that an instant is run, before it is."""
        self.state = replace(self.state, after=text_of(due), last_fire=text_of(due))
        self.diary.write(self.state)
        return self.diary.begin(due, now)


def open_line(declared: Declared, schedule: Schedule, now: datetime) -> Line:
    """Return a schedule where it was left off, or one that begins now."""
    diary = Diary(declared.project.root, schedule.name)
    zone = declared.schedules.zone_of(schedule) if schedule.cron else None
    trigger = digest({"cron": schedule.cron, "interval": schedule.interval, "timezone": zone})
    state = diary.read()
    if state is None or state.trigger != trigger:
        state = State(trigger, text_of(now), text_of(now), state.last_fire if state else None)
        diary.write(state)
    times = times_of(declared.schedules, schedule, moment_of(state.anchor))
    return Line(schedule, diary, times, state)


def read_until(words: str) -> datetime:
    """Return when to end.

    Args:
        words: A moment in ISO 8601, of this machine's time zone where it names none, or an
            interval from now on.

    Raises:
        UserError: It is neither.
    """
    with suppress(ValueError):
        return datetime.now(UTC) + timedelta(seconds=interval_seconds(words))
    try:
        return datetime.fromisoformat(words).astimezone(UTC)
    except ValueError as error:
        raise UserError(
            f"--until {words}: write a moment, as 2026-12-24T18:00, or an interval, as 6h."
        ) from error


class Scheduler:
    """Runs the schedules of a file until it is told to stop."""

    def __init__(
        self, declared: Declared, command: Callable[[Schedule], Sequence[str]], drain: bool = False
    ) -> None:
        """Prepare; nothing is started yet.

        Args:
            declared: The file.
            command: Returns what to run for a schedule.
            drain: Whether the first signal lets runs come to their end.
        """
        self._declared = declared
        self._command = command
        self._drain = drain
        self._events: SimpleQueue[Due | Ended | Stop | Kill] = SimpleQueue()
        self._lines: dict[str, Line] = {}
        self._stopping: int | None = None

    def run(self, until: datetime | None = None) -> int:
        """Run until a signal comes, or until a moment.

        Returns:
            The signal that came, or 0.

        Raises:
            UserError: No schedule is enabled.
        """
        from rlr.orchestration.schedules.here.clock import Clock

        if not any(schedule.enabled for schedule in self._declared.schedules.schedules):
            raise UserError(
                f"{self._declared.path}: no schedule is enabled; set enabled: true for one, or run "
                "one with --once NAME."
            )
        clock = Clock()
        now = datetime.now(UTC)
        for schedule in self._declared.schedules.schedules:
            if not schedule.enabled:
                Diary(self._declared.project.root, schedule.name).forget()
                continue
            line = open_line(self._declared, schedule, now)
            self._lines[schedule.name] = line
            self._take_over(line)
            due = Due(schedule.name)
            clock.each(line.times, partial(self._events.put, due))
            self._events.put(due)
            logger.info("%s: next at %s", schedule.name, self._next(line, now))
        if until:
            self._later(max(0.0, (until - now).total_seconds()), Stop(0))
        clock.start()
        try:
            return self._loop()
        finally:
            clock.stop()

    def run_once(self, name: str) -> tuple[int, Record]:
        """Run a schedule now, whatever it says of when, and wait for the end.

        Returns:
            The signal that came, or 0; and the record of the run.
        """
        schedule = self._declared.schedules.named(name)
        now = datetime.now(UTC)
        diary = Diary(self._declared.project.root, name)
        state = State("", text_of(now), text_of(now))
        line = Line(schedule, diary, times_of(self._declared.schedules, schedule, now), state)
        self._lines[name] = line
        entry = diary.begin(now, now)
        self._start(line, entry)
        self._stopping = 0
        came = self._loop()
        return came, entry.read()

    def _loop(self) -> int:
        """Handle one event after the other until all is over."""
        before = {number: getsignal(number) for number in (SIGINT, SIGTERM)}
        for number in before:
            signal(number, lambda came, _frame: self._events.put(Stop(came)))
        try:
            while self._stopping is None or self._children():
                self._handle(self._events.get())
        finally:
            for number, handler in before.items():
                signal(number, handler)
        return self._stopping

    def _handle(self, event: Due | Ended | Stop | Kill) -> None:
        if isinstance(event, Due):
            self._start_due(self._lines[event.name])
        elif isinstance(event, Ended):
            self._close(event)
        elif isinstance(event, Stop):
            self._stop(event.signal)
        else:
            for child in self._children():
                child.stop(SIGKILL)

    def _start_due(self, line: Line) -> None:
        while self._stopping is None and line.has_room():
            now = datetime.now(UTC)
            due = line.due(now)
            if due is None:
                return
            self._start(line, line.begin(due, now))

    def _start(self, line: Line, entry: Entry) -> None:
        name = line.schedule.name
        child = Child(entry, self._command(line.schedule), self._declared.project.root)
        line.running[entry] = child
        logger.info(
            "%s: started for %s; log: %s", name, entry.read().scheduled, entry.beside(".log")
        )
        self._watch(name, entry, child.wait)

    def _take_over(self, line: Line) -> None:
        """Take over the runs that a scheduler before this one has left."""
        name = line.schedule.name
        for entry in line.diary.entries():
            if entry.read().outcome != RUNNING:
                continue
            if not entry.is_alive():
                record = entry.close_lost()
                logger.info("%s: a run of an earlier scheduler: %s", name, record.outcome)
                continue
            logger.info("%s: a run of an earlier scheduler goes on", name)
            line.running[entry] = None
            self._watch(name, entry, entry.wait)

    def _watch(self, name: str, entry: Entry, wait: Callable[[], int | None]) -> None:
        """Tell when a run is over, from a thread that waits for it."""

        def tell() -> None:
            self._events.put(Ended(name, entry, wait()))

        threading.Thread(target=tell, daemon=True).start()

    def _close(self, event: Ended) -> None:
        line = self._lines[event.name]
        child = line.running.pop(event.entry)
        if child is None or event.status is None:
            record = event.entry.close_lost()
        elif child.is_stopped and event.status:
            record = event.entry.close(STOPPED, datetime.now(UTC), event.status)
        else:
            outcome = FAILED if event.status else SUCCEEDED
            record = event.entry.close(outcome, datetime.now(UTC), event.status)
        why = f": {record.message}" if record.message else ""
        logger.info("%s: %s%s", event.name, record.outcome, why)
        self._start_due(line)

    def _stop(self, came: int) -> None:
        first = not self._stopping
        if came:
            self._stopping = came
        elif self._stopping is None:
            self._stopping = 0
        children = self._children()
        if not children:
            return
        if not came or (first and self._drain):
            logger.info("%s; %d runs come to their end", STOPPING, len(children))
            return
        logger.info("%s; %d runs are ended", STOPPING, len(children))
        for child in children:
            child.stop()
        self._later(GRACE, Kill())

    def _later(self, seconds: float, event: Stop | Kill) -> None:
        timer = threading.Timer(seconds, self._events.put, (event,))
        timer.daemon = True
        timer.start()

    def _children(self) -> list[Child]:
        """Return the runs that were started here; those of earlier schedulers go on."""
        running = (child for line in self._lines.values() for child in line.running.values())
        return [child for child in running if child is not None]

    @staticmethod
    def _next(line: Line, now: datetime) -> str:
        return line.times.after(now).isoformat(timespec="seconds")
