"""Which of many things go: the oldest first, and none that is protected."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rlr.config.retention import LimitConfig

DAY = 86400.0
GIB = 2**30


@dataclass(frozen=True)
class Candidate:
    """A thing that may go.

    Attributes:
        name: What it is, as people know it.
        size: Bytes.
        changed: When it last changed, in seconds since 1970.
        protection: Why it must stay; empty: it may go.
        remove: Removes it.
    """

    name: str
    size: int
    changed: float
    protection: tuple[str, ...]
    remove: Callable[[], None]


@dataclass(frozen=True)
class Choice:
    """A thing that a limit speaks against.

    Attributes:
        candidate: The thing.
        reason: What the limit says.
    """

    candidate: Candidate
    reason: str


@dataclass
class Plan:
    """What is to be done with the things of one kind.

    Attributes:
        remove: What goes.
        protected: What would go if it were not protected.
        kept: Number of all others.
    """

    remove: list[Choice] = field(default_factory=list)
    protected: list[Choice] = field(default_factory=list)
    kept: int = 0


def make_plan(
    candidates: Iterable[Candidate], limit: LimitConfig, grace_hours: float, now: float
) -> Plan:
    """Hold things of one kind against their limit.

    Args:
        candidates: The things.
        limit: Age and size that are allowed.
        grace_hours: Hours after its last change in which a thing stays whatever the limit says.
        now: The time, in seconds since 1970.

    Returns:
        The plan. Protected things count towards the size, so that the others make room for them.
    """
    plan = Plan()
    ordered = sorted(candidates, key=lambda candidate: (candidate.changed, candidate.name))
    total = sum(candidate.size for candidate in ordered)
    for candidate in ordered:
        reason = _complaint(candidate, limit, total, now)
        if reason is None or now - candidate.changed < grace_hours * 3600.0:
            plan.kept += 1
        elif candidate.protection:
            plan.protected.append(Choice(candidate, reason))
        else:
            plan.remove.append(Choice(candidate, reason))
            total -= candidate.size
    return plan


def _complaint(candidate: Candidate, limit: LimitConfig, total: int, now: float) -> str | None:
    if limit.max_age_days is not None and now - candidate.changed > limit.max_age_days * DAY:
        return f"older than {limit.max_age_days:g} days"
    if limit.max_gib is not None and total > limit.max_gib * GIB:
        return f"more than {limit.max_gib:g} GiB together"
    return None
