"""What is wanted against what is there.

Kubeflow has no transaction and no compare-and-set, and whoever applies may be killed at any point.
So there is no list of steps to come back to: the state of the cluster alone says what comes next,
and every step leads to a state from which the rest follows. One recurring run a schedule is the
keeper. It is made disabled; then all others are disabled, and only then the keeper is enabled; a
disabled one is deleted when none of its runs is in flight, for that would kill them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rlr.orchestration.kubeflow.recurring import RecurringRun
from rlr.orchestration.schedules.wanted import Wanted, read_mark

SOON = timedelta(minutes=1)  # in which a keeper that was just made is enabled


class Verdict(StrEnum):
    """What has to happen to a schedule."""

    UNCHANGED = "unchanged"
    CREATE = "create"
    REPLACE = "replace"
    ENABLE = "enable"
    DISABLE = "disable"
    REPAIR = "repair"  # more than one does the same
    PRUNE = "prune"
    VANISHED = "not in the file"


@dataclass(frozen=True)
class Found:
    """A recurring run of ours.

    Attributes:
        run: The recurring run.
        schedule: Name of its schedule.
        digest: Digest of what it does.
        in_flight: Number of its runs that are not over.
    """

    run: RecurringRun
    schedule: str
    digest: str
    in_flight: int = 0


@dataclass(frozen=True)
class Entry:
    """A schedule, and what has to happen to it.

    Attributes:
        name: Name of the schedule.
        verdict: What has to happen.
        wanted: What there should be; None: it is not in the file.
        keeper: The recurring run that stays; None: it is to be made.
        retired: Recurring runs that go, as soon as none of their runs is in flight.
    """

    name: str
    verdict: Verdict
    wanted: Wanted | None
    keeper: RecurringRun | None
    retired: tuple[Found, ...] = ()

    @property
    def is_pending(self) -> bool:
        """Whether `apply` would do something, or waits for something."""
        settled = (Verdict.UNCHANGED, Verdict.VANISHED)
        return self.verdict not in settled or (self.retires and bool(self.retired))

    @property
    def retires(self) -> bool:
        """Whether the retired are ours to remove; what vanished goes only by word."""
        return self.verdict is not Verdict.VANISHED


def ours(runs: Iterable[RecurringRun]) -> list[Found]:
    """Return the recurring runs that carry our name and our mark."""
    marked = ((run, read_mark(run.name, run.description)) for run in runs)
    return [Found(run, *mark) for run, mark in marked if mark]


def make_plan(
    wanted: Sequence[Wanted], found: Sequence[Found], now: datetime, prune: bool = False
) -> list[Entry]:
    """Return what has to happen.

    Args:
        wanted: What there should be.
        found: What is there of ours, the oldest first.
        now: The time.
        prune: Whether what is not in the file any more goes, too.
    """
    entries = [
        _entry(one, [have for have in found if have.schedule == one.name], now) for one in wanted
    ]
    known = {one.name for one in wanted}
    verdict = Verdict.PRUNE if prune else Verdict.VANISHED
    for name in sorted({have.schedule for have in found} - known):
        gone = tuple(have for have in found if have.schedule == name)
        entries.append(Entry(name, verdict, None, None, gone))
    return entries


def _entry(wanted: Wanted, found: Sequence[Found], now: datetime) -> Entry:
    same = [
        have
        for have in found
        if have.digest == wanted.digest and not _would_fire_late(wanted, have, found, now)
    ]
    # The oldest, so that two who apply the same file at once keep the same one.
    keeper = same[0].run if same else None
    retired = tuple(have for have in found if have.run is not keeper)
    return Entry(wanted.name, _verdict(wanted, keeper, same, retired), wanted, keeper, retired)


def _would_fire_late(wanted: Wanted, have: Found, found: Sequence[Found], now: datetime) -> bool:
    """Return whether enabling a recurring run would start what is not to be started any more.

    Kubeflow counts from when it was made, or from its last run, not from the moment of enabling. So
    it would make good what was missed while the schedule was disabled, and do again what another
    one has done before that was disabled.
    """
    if have.run.enabled or not wanted.enabled or not have.run.created:
        return False
    created = datetime.fromisoformat(have.run.created)
    first = wanted.fires_after(created)
    others = [one.run.changed for one in found if one is not have and not one.run.enabled]
    overlap = any(first <= datetime.fromisoformat(changed) for changed in others if changed)
    return overlap or (now - created > SOON and first <= now)


def _verdict(
    wanted: Wanted, keeper: RecurringRun | None, same: Sequence[Found], retired: Sequence[Found]
) -> Verdict:
    if keeper is None:
        return Verdict.REPLACE if retired else Verdict.CREATE
    if any(other.run.enabled for other in retired):
        return Verdict.REPAIR if len(same) > 1 else Verdict.REPLACE
    if keeper.enabled != wanted.enabled:
        return Verdict.ENABLE if wanted.enabled else Verdict.DISABLE
    return Verdict.UNCHANGED


class Action(StrEnum):
    """One step towards what is wanted."""

    MAKE = "make"
    DISABLE = "disable"
    ENABLE = "enable"
    DELETE = "delete"


@dataclass(frozen=True)
class Step:
    """A step, and what it is done to.

    Attributes:
        action: What to do.
        schedule: Name of the schedule.
        run: The recurring run; None: it is to be made.
    """

    action: Action
    schedule: str
    run: RecurringRun | None = None


def next_steps(entry: Entry) -> list[Step]:
    """Return the steps that are safe now; what comes after them, the next look says.

    At no point two recurring runs of a schedule are enabled by these steps, nor is anything deleted
    that has a run in flight.
    """
    if not entry.retires:
        return []
    if entry.wanted and entry.keeper is None:
        return [Step(Action.MAKE, entry.name)]
    running = [
        Step(Action.DISABLE, entry.name, one.run) for one in entry.retired if one.run.enabled
    ]
    if running:
        return running
    if entry.wanted and entry.keeper and entry.keeper.enabled != entry.wanted.enabled:
        action = Action.ENABLE if entry.wanted.enabled else Action.DISABLE
        return [Step(action, entry.name, entry.keeper)]
    return [Step(Action.DELETE, entry.name, one.run) for one in entry.retired if not one.in_flight]
