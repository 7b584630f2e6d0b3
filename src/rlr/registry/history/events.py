"""What happened to a model, in the order of time: versions registered, and champions changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Judgement:
    """What the gate says of a version.

    Attributes:
        outcome: "promote", "inconclusive", "reject", or "" where it has not judged it.
        rule: The rule that decided, with what it is about: "class rings".
        sentence: Its sentence.
        champion: Against which version: a number, or "none".
    """

    outcome: str = ""
    rule: str = ""
    sentence: str = ""
    champion: str = ""


@dataclass(frozen=True)
class Event:
    """Something that happened; a column of the figure.

    Attributes:
        time: When, in UTC.
        version: The version that it is about; None: no version.
        entry: The entry of the audit trail; None: the version was registered.
    """

    time: str
    version: str | None
    entry: Mapping[str, Any] | None


def events_of(
    entries: Sequence[Mapping[str, Any]], registered: Mapping[str, str]
) -> tuple[Event, ...]:
    """Return registrations and changes of the champion, the earliest first.

    Args:
        entries: Entries of the history's document.
        registered: When each version was registered.
    """
    made = [Event(time, version, None) for version, time in registered.items()]
    changed = [Event(entry["time"], entry["to"], entry) for entry in entries]
    # A version is registered before it is champion, whatever the clocks of two machines say.
    return tuple(sorted([*made, *changed], key=lambda event: (event.time, event.entry is not None)))


def spans(events: Sequence[Event], name: str) -> list[tuple[str, int, int]]:
    """Return from which to which column an alias pointed at a version.

    Args:
        events: What happened.
        name: "to" for the champion, "previous" for the one before.

    Returns:
        (version, first column, last column) each.
    """
    found: list[tuple[str, int, int]] = []
    holder, since = None, 0
    for place, event in enumerate(events):
        given_up = event.entry is None or (event.entry["completed"] or {}).get("given_up")
        if event.entry is None or given_up or event.entry[name] == holder:
            continue
        if holder is not None:
            found.append((holder, since, place))
        holder, since = event.entry[name], place
    if holder is not None:
        found.append((holder, since, len(events)))
    return found
