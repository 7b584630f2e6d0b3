"""Which objects are wanted: new ones that are images and of a class that is known."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from rlr.config.intake import IntakeConfig
from rlr.data.images import SUFFIXES
from rlr.data.intake.labelling import Judge, Judgement
from rlr.data.intake.ledger import Ledger
from rlr.data.intake.listing import BucketObject
from rlr.foundation.errors import UserError

LISTED = 5


@dataclass(frozen=True)
class Sorted:
    """The objects of a location, one by one.

    Attributes:
        wanted: What is known of each object that is to be fetched.
        left_out: Why an object is not, by key.
        known: Number of objects that were taken before.
        changed: Keys of wanted objects that were taken before with another content.
    """

    wanted: Mapping[BucketObject, Judgement]
    left_out: Mapping[str, str]
    known: int
    changed: Sequence[str]


def sort_objects(
    objects: Sequence[BucketObject],
    ledger: Ledger,
    judge: Judge,
    settings: IntakeConfig,
    suffixes: Collection[str],
) -> Sorted:
    """Sort objects into wanted, known and left out.

    Args:
        objects: All of a location.
        ledger: What was taken before.
        judge: Knows class and label.
        settings: What to do with changed objects.
        suffixes: How the names of images end, as `wanted_suffixes` says.

    Raises:
        UserError: What is known of an object contradicts itself, or objects have changed and
            `settings.changed` is refuse.
    """
    wanted: dict[BucketObject, Judgement] = {}
    left_out: dict[str, str] = {}
    known = 0
    for thing in objects:
        if thing.source == settings.labels_csv:
            continue
        if ledger.knows(thing):
            known += 1
        elif PurePosixPath(thing.key).suffix.lower() not in suffixes:
            left_out[thing.key] = "has not the name of an image"
        elif judgement := judge.judge(thing):
            wanted[thing] = judgement
        else:
            left_out[thing.key] = "is of no class that anything tells"
    changed = [thing for thing in wanted if ledger.has_changed(thing)]
    if changed and settings.changed == "refuse":
        raise UserError(_changed_words(changed))
    return Sorted(wanted, left_out, known, [thing.key for thing in changed])


def wanted_suffixes(settings: IntakeConfig) -> frozenset[str]:
    """Return how the names of wanted images end, in small letters.

    Raises:
        UserError: `settings.include` names what cannot be read.
    """
    if settings.include is None:
        return SUFFIXES
    given = frozenset(f".{suffix.lower().removeprefix('.')}" for suffix in settings.include)
    if not given or given - SUFFIXES:
        unknown = ", ".join(sorted(given - SUFFIXES)) or "the list is empty"
        raise UserError(
            f"data.intake.include: {unknown}; images that can be read end in "
            f"{', '.join(sorted(SUFFIXES))}."
        )
    return given


def _changed_words(changed: Sequence[BucketObject]) -> str:
    more = f" and {len(changed) - LISTED} more" if len(changed) > LISTED else ""
    named = ", ".join(thing.source for thing in changed[:LISTED])
    return (
        f"{named}{more} {'have' if len(changed) > 1 else 'has'} another content than what was "
        "imported from there; give new images new keys, or take them as images of their own "
        "(data.intake.changed=new)."
    )
