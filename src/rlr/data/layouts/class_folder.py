"""The parts that class folders of several layouts have in common."""

import logging
from collections.abc import Collection
from pathlib import Path

from rlr.data.layouts.entry import Entry
from rlr.data.layouts.ground_truth import GroundTruth
from rlr.data.layouts.tree import folders_in, images_in, relative
from rlr.data.manifest import GOOD, Split
from rlr.foundation.errors import UserError

logger = logging.getLogger("rlr")

UNLABELLED: Split = "unlabelled"


def judged(
    folder: Path,
    split: Split,
    class_name: str,
    root: Path,
    truth: GroundTruth | None = None,
    good: str = GOOD,
) -> list[Entry]:
    """Return the images of a split's folder, which holds one folder a label.

    Args:
        folder: Such as CLASS/test; it may be missing.
        split: The split that the folder stands for.
        class_name: Product class.
        root: Folder that paths are relative to.
        truth: Masks of the class; None where the split has none.
        good: Name of the folder of normal images in this layout.

    Raises:
        UserError: Images lie directly in the folder, so nobody knows their label.
    """
    refuse_images_in(folder, f"{good}, DEFECT (the name of its defect) or ../{UNLABELLED}")
    entries = []
    for labelled in folders_in(folder):
        label = GOOD if labelled.name == good else labelled.name
        for image in images_in(labelled):
            masks = truth.claim(image, labelled.name, label != GOOD) if truth else ()
            entries.append(Entry(relative(image, root), class_name, split, label, masks))
    return entries


def refuse_images_in(folder: Path, places: str) -> None:
    """Raise a UserError if images lie directly in a folder where their label cannot be told."""
    stray = images_in(folder)
    if stray:
        raise UserError(
            f"{stray[0]} lies where nothing tells its label; move the images of {folder} to its "
            f"folder {places}."
        )


def unjudged(class_folder: Path, class_name: str, root: Path) -> list[Entry]:
    """Return the images of CLASS/unlabelled, which nobody has judged."""
    images = images_in(class_folder / UNLABELLED)
    return [Entry(relative(path, root), class_name, UNLABELLED, None) for path in images]


def warn_of_strangers(class_folder: Path, known: Collection[str], layout: str) -> None:
    """Log the folders of a class that its layout does not know and leaves out."""
    for folder in folders_in(class_folder):
        if folder.name not in known:
            logger.warning("%s is no folder of the %s layout and is left out", folder, layout)
