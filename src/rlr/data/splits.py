"""Which images train, which set thresholds, and which do nothing but test.

Two promises are kept here.

**The validation split never moves.** Whether a normal training image is set aside depends on one
thing only, the hash of its group: not on its neighbours, their order or their number. Images
added tomorrow find their own side and leave all others where they are, all pictures of one part
lie on the same side, identical files do too (a group is the file's own hash unless a better one
is known), and a greater fraction only ever moves images from training to validation. The price
is that the share is met on average, not exactly, in a small class.

**Test images choose nothing, ever.** An image is what its bytes are, not where it lies, so it is
known by its sha256, and a part by its group. One that is in test is neither trained on nor used
for a threshold or for stopping, not even when a copy of it lies in train/. Where both are in one
manifest, the tree contradicts itself: the rows stay as they are, so that validation can name
them, and `trainable` and `calibratable` leave them out. Where the test row is in an earlier
manifest, figures measured with it have perhaps been published: a model trained on it could not
be compared with any of them, so the index stops.
"""

import hashlib
from collections.abc import Collection, Sequence

import pandas as pd

from rlr.data.manifest import GOOD, UNREADABLE, Manifest, Split
from rlr.foundation.errors import UserError

LISTED = 5


def in_validation(group: str, fraction: float) -> bool:
    """Return whether a group of normal training images is set aside.

    Args:
        group: Name of the group.
        fraction: Share of groups to set aside, 0 <= fraction < 1.

    Example:
        >>> in_validation("part-7", 0.0)
        False
    """
    head = hashlib.sha256(group.encode()).digest()[:8]
    return int.from_bytes(head, "big") < fraction * 2**64


def carve_validation(frame: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """Move normal training images to the validation split, by the hash of their group.

    A class that brings its own validation split keeps it, and nothing more is carved from it.

    Args:
        frame: A manifest's table.
        fraction: Share of groups to set aside.

    Returns:
        A new table.
    """
    own = set(frame.loc[frame["split"] == "validation", "class"])
    chosen = (
        (frame["split"] == "train")
        & (frame["label"] == GOOD)
        & ~frame["class"].isin(own)
        & frame["group"].map(lambda group: in_validation(group, fraction)).astype(bool)
    )
    return frame.assign(split=frame["split"].mask(chosen, "validation"))


def refuse_tested(
    frame: pd.DataFrame, previous: Manifest, splits: Sequence[Split] = ("train", "validation")
) -> None:
    """Raise if an image that was in test once is in a split that a model is made with now.

    Args:
        frame: The new manifest's table.
        previous: An earlier manifest.
        splits: The splits that a model is made with.

    Raises:
        UserError: It names the files.
    """
    earlier = previous.select("test")
    chosen = frame["split"].isin(splits) & _is_among(frame, earlier)
    paths = list(frame.loc[chosen, "path"])
    if paths:
        more = f" and {len(paths) - LISTED} more" if len(paths) > LISTED else ""
        raise UserError(
            f"Images that were in test in the previous manifest must not be trained on: "
            f"{', '.join(paths[:LISTED])}{more}; move them to test or remove them."
        )


def trainable(manifest: Manifest, admitted: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows to train on: split train, normal, readable, and in no test row.

    A row is in test if one has its bytes (sha256) or shows its part (group).

    Args:
        manifest: The table of images.
        admitted: Paths of unjudged images that are trained on, too: some of `admissible`.
    """
    normals = _untested_normals(manifest, "train")
    if not admitted:
        return normals
    unjudged = manifest.select("unlabelled")
    chosen = unjudged[unjudged["path"].isin(set(admitted))]
    return pd.concat([normals, chosen]).sort_values("path").reset_index(drop=True)


def admissible(manifest: Manifest, fraction: float) -> pd.DataFrame:
    """Return the unjudged rows that may be trained on where they are assumed to be normal.

    They are readable, in no test and no validation row by bytes or by group, and not on the side
    of validation by the hash of their group. Of equal files one counts, and none that is in train.

    Args:
        manifest: The table of images.
        fraction: Share of groups that is set aside, as for `carve_validation`.
    """
    frame = manifest.select("unlabelled")
    taken = manifest.frame[manifest.frame["split"].isin(["validation", "test"])]
    set_aside = frame["group"].map(lambda group: in_validation(group, fraction)).astype(bool)
    chosen = (
        (frame["mode"] != UNREADABLE)
        & ~_is_among(frame, taken)
        & ~frame["sha256"].isin(manifest.select("train")["sha256"])
        & ~frame["sha256"].duplicated()
        & ~set_aside
    )
    return frame[chosen].reset_index(drop=True)


def calibratable(manifest: Manifest) -> pd.DataFrame:
    """Return the rows for thresholds and stopping: validation, normal, readable, not in test."""
    return _untested_normals(manifest, "validation")


def _untested_normals(manifest: Manifest, split: Split) -> pd.DataFrame:
    frame = manifest.frame
    chosen = (
        (frame["split"] == split)
        & (frame["label"] == GOOD)
        & (frame["mode"] != UNREADABLE)
        & ~_is_among(frame, manifest.select("test"))
    )
    return frame[chosen].reset_index(drop=True)


def _is_among(frame: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    return frame["sha256"].isin(others["sha256"]) | frame["group"].isin(others["group"])
