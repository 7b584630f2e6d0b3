"""Withdrawing images from a set."""

from collections.abc import Sequence
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.changes.change import Change
from rlr.data.changes.selection import select
from rlr.data.index import index_images, layout_of
from rlr.data.manifest import GOOD, MASK_SEPARATOR
from rlr.foundation.errors import UserError


def plan_removal(
    config: DataConfig, root: Path, version: str, names: Sequence[str], reason: str
) -> Change:
    """Plan to withdraw images, and their masks with them.

    Args:
        config: Layout and classes.
        root: Folder with the data.
        version: Its data version.
        names: Images, or folders of them.
        reason: Why they go; the new version says so.

    Raises:
        UserError: The reason is empty, an image is unknown, or the layout tells labels otherwise.
    """
    if not reason.strip():
        raise UserError("--reason is empty; say in a few words why the images go.")
    frame = index_images(config, root, version).frame
    rows = {row["path"]: row for row in frame.to_dict(orient="records")}
    chosen = sorted(select(names, rows, root))
    layout = layout_of(config, root)
    for path in chosen:
        layout.place(rows[path]["class"], "test", GOOD)  # refuses where files alone tell nothing
    masks = {
        mask
        for path in chosen
        if isinstance(rows[path]["mask"], str)
        for mask in rows[path]["mask"].split(MASK_SEPARATOR)
    }
    removed = [
        {
            "path": path,
            "sha256": rows[path]["sha256"],
            "split": rows[path]["split"],
            "label": label if isinstance(label := rows[path]["label"], str) else None,
        }
        for path in chosen
    ]
    facts = {"reason": reason.strip(), "removed": removed, "masks_removed": sorted(masks)}
    return Change("remove", facts, removals=frozenset({*chosen, *masks}))
