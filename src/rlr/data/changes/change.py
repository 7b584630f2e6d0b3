"""What is to be changed in a folder of images, before anything is touched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlr.data.layouts import Entry


@dataclass(frozen=True)
class Change:
    """A change to a set of images.

    Attributes:
        action: "label" or "remove".
        facts: What the new version says about it; see `record_parent`.
        moves: New path of each file that moves, by its old one: images and masks.
        removals: Paths of the files that go.
        images: What each moved image is to be, by its new path.
    """

    action: str
    facts: Mapping[str, Any]
    moves: Mapping[str, str] = field(default_factory=dict)
    removals: frozenset[str] = frozenset()
    images: Mapping[str, Entry] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not self.moves and not self.removals


@dataclass(frozen=True)
class Edited:
    """A change that was made, or that a dry run would have made.

    Attributes:
        parent: Data version before.
        version: Data version after; the same one where there was nothing to do.
        change: What was changed.
        tables: CSV files of the set that were written anew, for they name files that moved.
    """

    parent: str
    version: str
    change: Change
    tables: tuple[str, ...]
