"""Which masks belong to which image, by the names that the public sets use."""

import logging
import re
from collections import defaultdict
from pathlib import Path

from rlr.data.layouts.tree import folders_in, images_in, relative
from rlr.foundation.errors import UserError

logger = logging.getLogger("rlr")

# NAME_mask.png (MVTec AD), NAME_mask_1.png (several an image); a bare NAME.png is itself a stem.
_MASK_SUFFIX = re.compile(r"_mask(_\d+)?$")


class GroundTruth:
    """The masks of one class.

    A mask of the image LABEL/NAME.* is one of

        LABEL/NAME.*   LABEL/NAME_mask.*   LABEL/NAME_mask_2.*   LABEL/NAME/*   (MVTec LOCO)

    and, directly in the folder, NAME.* or NAME_mask.* of the one defective image of that name.

    Args:
        folder: The ground-truth folder; it may be missing.
        root: Folder that paths are relative to.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._by_label = {
            labelled.name: _by_image(labelled, root) for labelled in folders_in(folder)
        }
        self._direct = _by_stem(images_in(folder), root)
        self._owners: dict[str, Path] = {}

    def claim(self, image: Path, label: str, defective: bool) -> tuple[str, ...]:
        """Return the masks of an image, and remember whose they are.

        Raises:
            UserError: A mask directly in the folder fits two defective images.
        """
        masks = self._by_label.get(label, {}).get(image.stem, [])
        if not masks and defective:
            masks = self._direct.get(image.stem, [])
        for mask in masks:
            owner = self._owners.setdefault(mask, image)
            if owner.parent != image.parent:
                raise UserError(
                    f"{self._folder}: {Path(mask).name} may be the mask of {owner} or of {image}; "
                    "sort the masks into one folder a defect type."
                )
        return tuple(masks)

    def warn_of_orphans(self) -> None:
        """Log the masks that no image has claimed: often a slip in a name."""
        groups = [self._direct, *self._by_label.values()]
        masks = {mask for group in groups for names in group.values() for mask in names}
        orphans = sorted(masks - self._owners.keys())
        if orphans:
            logger.warning(
                "%s: %d masks belong to no image, the first is %s",
                self._folder,
                len(orphans),
                orphans[0],
            )


def _by_image(folder: Path, root: Path) -> dict[str, list[str]]:
    masks = _by_stem(images_in(folder), root)
    for several in folders_in(folder):
        masks[several.name].extend(relative(path, root) for path in images_in(several))
    return masks


def _by_stem(paths: list[Path], root: Path) -> dict[str, list[str]]:
    masks: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        masks[_MASK_SUFFIX.sub("", path.stem)].append(relative(path, root))
    return masks
