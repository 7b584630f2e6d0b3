"""Proof, before anything is put in place, that a changed tree says what was meant."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.changes.change import Change
from rlr.data.index import read_entries
from rlr.data.layouts import Entry
from rlr.foundation.errors import UserError


def require_intended(config: DataConfig, root: Path, files: Path, change: Change) -> None:
    """Raise unless the new tree is the old one and the change, and nothing more.

    A tree tells split, label and masks by its places, so that a move can change what another
    image is: it may take a mask away, or leave a tree that is of another layout.

    Args:
        config: Layout and classes.
        root: The old tree.
        files: The new tree.
        change: What was to be changed.

    Raises:
        UserError: It names the first image that would be something else.
    """
    with _silence():
        before = {entry.path: entry for entry in read_entries(config, root)}
        after = {entry.path: entry for entry in read_entries(config, files)}
    expected = {path: entry for path, entry in before.items() if path not in change.removals}
    expected = {path: entry for path, entry in expected.items() if path not in change.moves}
    expected |= change.images
    owned = {mask for entry in before.values() for mask in entry.masks}
    for path, entry in expected.items():
        found = after.get(path)
        if found is None or not _is_same(found, entry, owned if path in change.images else None):
            raise UserError(
                f"{path} would become {_describe(found)} instead of {_describe(entry)}, for its "
                f"place or its masks would be read otherwise in the changed {root}; nothing was "
                "changed; insist on the layout (data.layout), or rename the file or its mask."
            )
    if len(after) != len(expected):
        extra = sorted(set(after) - set(expected))
        raise UserError(f"{extra[0]} would become an image of {root}; nothing was changed.")


def _is_same(found: Entry, meant: Entry, owned: set[str] | None) -> bool:
    """Compare; an image that moves may find a mask that has waited for it and was nobody's."""
    gained = set(found.masks) - set(meant.masks)
    masks_fit = set(meant.masks) <= set(found.masks) and (
        not gained if owned is None else not gained & owned
    )
    facts = (found.class_name, found.split, found.label)
    return masks_fit and facts == (meant.class_name, meant.split, meant.label)


def _describe(entry: Entry | None) -> str:
    if entry is None:
        return "no image"
    masks = f" with the masks {', '.join(entry.masks)}" if entry.masks else ""
    return f"{entry.label or 'an unjudged image'} in {entry.class_name}, {entry.split}{masks}"


@contextmanager
def _silence() -> Iterator[None]:
    """What is odd about the tree was said when it was indexed."""
    logger = logging.getLogger("rlr")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
