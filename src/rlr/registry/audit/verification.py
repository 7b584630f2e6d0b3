"""Whether the trail is whole: every entry there, unaltered, and in its order.

A fault has a key that names it for good. An entry of the action adopt may list the keys of the
faults that were there when it was written: those are known and accepted, and shown as such.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlr.registry.audit.entry import (
    DIGEST_TAG,
    FIRST,
    NO_ENTRY,
    Completion,
    Entry,
    Intent,
    digest_of,
    entry_name,
    from_tags,
)

DIGITS = 12  # of a digest, where it is part of a key
ACCEPT = "or accept it with `rlr registry reconcile --keep --reason ...`, which is recorded"


@dataclass(frozen=True)
class Found:
    """An experiment whose name says that it is an entry.

    Attributes:
        number: The number in its name.
        experiment_id: MLflow's id.
        is_active: False: it was deleted in MLflow, which keeps it until `mlflow gc` runs.
        tags: Its tags.
    """

    number: int
    experiment_id: str
    is_active: bool
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Mark:
    """What something outside of the trail says of an entry.

    Attributes:
        number: Number of the entry.
        sha256: Digest of the entry.
        where: What says so, for people.
    """

    number: int
    sha256: str
    where: str


@dataclass(frozen=True)
class Fault:
    """Something wrong with the trail.

    Attributes:
        key: Names this very fault.
        sentence: What is wrong and what to do.
    """

    key: str
    sentence: str


@dataclass(frozen=True)
class Reading:
    """What the entries say, and what is wrong with them.

    Attributes:
        entries: The entries that are what they were written as, in their order.
        digests: Digest of what each number holds now.
        faults: What is wrong.
        accepted: What is wrong, and was accepted by a later entry.
    """

    entries: tuple[Entry, ...]
    digests: Mapping[int, str]
    faults: tuple[Fault, ...]
    accepted: tuple[Fault, ...]


def verify(model: str, found: Iterable[Found], marks: Sequence[Mark]) -> Reading:
    """Verify the trail of a model.

    Args:
        model: Registered model.
        found: The experiments that are named as its entries, in any order.
        marks: Which entries the registered model and its versions say are there.
    """
    ordered = sorted(found, key=lambda one: one.number)
    digests = {one.number: digest_of(one.tags) for one in ordered}
    entries: dict[int, Entry] = {}
    faults: list[Fault] = []
    for one in ordered:
        entry = _read(model, one)
        if isinstance(entry, Fault):
            faults.append(entry)
        else:
            entries[one.number] = entry
        if not one.is_active:
            faults.append(_deleted(model, one))
    faults += _gaps(model, ordered)
    faults += _links(entries, digests)
    faults += _order(entries)
    faults += _contradictions(model, digests, marks)
    known = {key for entry in entries.values() for key in _accepted(entry)}
    return Reading(
        tuple(entries[number] for number in sorted(entries)),
        digests,
        tuple(fault for fault in faults if fault.key not in known),
        tuple(fault for fault in faults if fault.key in known),
    )


def _read(model: str, one: Found) -> Entry | Fault:
    try:
        entry = from_tags(one.tags)
        if (entry.model, entry.number) != (model, one.number):
            raise ValueError(f"it was written as entry {entry.number} of {entry.model}")
    except ValueError as error:
        reason = str(error).splitlines()[0]
        return Fault(
            f"altered:{one.number}:{digest_of(one.tags)[:DIGITS]}",
            f"Entry {one.number} was altered ({reason}); restore the tags of the experiment "
            f"{entry_name(model, one.number)} from a backup of the database, {ACCEPT}.",
        )
    return entry


def _deleted(model: str, one: Found) -> Fault:
    return Fault(
        f"deleted:{one.number}:{one.tags.get(DIGEST_TAG, '')[:DIGITS]}",
        f"Entry {one.number} ({entry_name(model, one.number)}) was deleted in MLflow; give it back "
        f"before `mlflow gc` removes it: mlflow experiments restore --experiment-id "
        f"{one.experiment_id}",
    )


def _gaps(model: str, ordered: Sequence[Found]) -> Iterator[Fault]:
    expected = FIRST
    for one in ordered:
        if one.number > expected:
            yield _missing(model, expected, one.number - 1)
        expected = one.number + 1


def _missing(model: str, first: int, last: int, because: str = "") -> Fault:
    what = f"Entry {first} is" if first == last else f"Entries {first} to {last} are"
    return Fault(
        f"missing:{first}-{last}",
        f"{what} missing{because}; somebody has removed or renamed the experiment "
        f"{entry_name(model, first)}: restore it from a backup of the database, {ACCEPT}.",
    )


def _links(entries: Mapping[int, Entry], digests: Mapping[int, str]) -> Iterator[Fault]:
    for number, entry in entries.items():
        # One that was altered or is missing is told as that.
        there = number == FIRST or number - 1 in entries
        before = NO_ENTRY if number == FIRST else digests.get(number - 1)
        if there and entry.previous_sha256 != before:
            yield Fault(
                f"link:{number}:{str(before)[:DIGITS]}",
                f"The link between entries {number - 1} and {number} is broken: entry "
                f"{number - 1} is not the one that was there when entry {number} was written; "
                f"restore it from a backup of the database, {ACCEPT}.",
            )


def _order(entries: Mapping[int, Entry]) -> Iterator[Fault]:
    """Find intents that were passed over, and completions of something else."""
    for number, entry in entries.items():
        before = entries.get(number - 1)
        if before is None and number != FIRST:
            continue  # it was altered or is missing, and is told as that
        if isinstance(before, Intent):
            in_order = isinstance(entry, Completion) and entry.of == before.number
        else:
            in_order = isinstance(entry, Intent)
        if not in_order:
            yield Fault(
                f"order:{number}",
                f"Entry {number} does not belong where it stands, for an intent and its completion "
                f"follow each other; look into {entry_name(entry.model, number)}, {ACCEPT}.",
            )


def _contradictions(
    model: str, digests: Mapping[int, str], marks: Sequence[Mark]
) -> Iterator[Fault]:
    """Compare with what is said of the trail elsewhere: only that can tell a missing tail."""
    last = max(digests, default=0)
    furthest = max(marks, key=lambda mark: mark.number, default=None)
    if furthest is not None and furthest.number > last:
        yield _missing(
            model, last + 1, furthest.number, f", for {furthest.where} names the last one"
        )
    for mark in {mark.number: mark for mark in marks}.values():
        if digests.get(mark.number, mark.sha256) != mark.sha256:
            yield Fault(
                f"mark:{mark.number}:{digests[mark.number][:DIGITS]}",
                f"Entry {mark.number} is not the one that {mark.where} names; restore it from a "
                f"backup of the database, {ACCEPT}.",
            )


def _accepted(entry: Entry) -> Sequence[str]:
    return entry.accepted if isinstance(entry, Intent) else ()
