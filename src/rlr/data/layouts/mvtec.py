"""The layout of MVTec AD, which most public sets share.

    ROOT/CLASS/train/good/*.png
    ROOT/CLASS/validation/good/*.png           (MVTec LOCO; optional)
    ROOT/CLASS/test/{good,DEFECT}/*.png
    ROOT/CLASS/ground_truth/DEFECT/*_mask.png  (optional)
    ROOT/CLASS/unlabelled/*.png                (ours; optional)

ROOT may itself be the folder of a single class.
"""

from pathlib import Path

from rlr.data.layouts.class_folder import (
    UNLABELLED,
    judged,
    refuse_images_in,
    unjudged,
    warn_of_strangers,
)
from rlr.data.layouts.entry import Entry
from rlr.data.layouts.ground_truth import GroundTruth
from rlr.data.layouts.tree import folders_in, images_in, relative
from rlr.data.manifest import GOOD, Split

GROUND_TRUTH = "ground_truth"
KNOWN = ("train", "validation", "test", GROUND_TRUTH, UNLABELLED)


class MvtecLayout:
    """A tree in MVTec AD layout.

    Args:
        root: Folder of the data set, or of a single class.
        single: Name of the class, where the root is the folder of a single one.
    """

    expectation = "MVTec AD: CLASS/train/good"
    title = "MVTec"
    good = GOOD  # name of the folders of normal images

    def __init__(self, root: Path, single: str) -> None:
        self._root = root
        alone = is_class(root) or is_unjudged(root)
        self._folders = {single: root} if alone else {path.name: path for path in folders_in(root)}

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the tree has a class of this layout."""
        folders = folders_in(root)
        if is_class(root) or any(is_class(folder) for folder in folders):
            return True
        # What a camera has left: nothing but images that nobody has judged.
        unjudged = is_unjudged(root) or any(is_unjudged(folder) for folder in folders)
        return unjudged and not any(images_in(folder) for folder in folders)

    @property
    def class_names(self) -> list[str]:
        return sorted(self._folders)

    def entries(self, class_name: str) -> list[Entry]:
        folder = self._folders[class_name]
        refuse_images_in(folder, f"train/{self.good}, test/{self.good} or test/DEFECT")
        truth = GroundTruth(folder / GROUND_TRUTH, self._root)
        place = class_name, self._root
        entries = [
            *judged(folder / "train", "train", *place, good=self.good),
            *judged(folder / "validation", "validation", *place, good=self.good),
            *judged(folder / "test", "test", *place, truth, self.good),
            *unjudged(folder, class_name, self._root),
        ]
        truth.warn_of_orphans()
        warn_of_strangers(folder, KNOWN, self.title)
        return entries

    def place(self, class_name: str, split: Split, label: str) -> str:
        name = self.good if label == GOOD else label
        return relative(self._folders[class_name] / split / name, self._root)

    def mask_place(self, class_name: str, label: str) -> str:
        return relative(self._folders[class_name] / GROUND_TRUTH / label, self._root)


def is_class(folder: Path) -> bool:
    """Return whether a folder is a class of this layout; one with images in it is a plain one."""
    splits = ("train", "validation", "test")
    return any((folder / split).is_dir() for split in splits) and not images_in(folder)


def is_unjudged(folder: Path) -> bool:
    """Return whether a folder is a class of which no image was judged yet."""
    return bool(images_in(folder / UNLABELLED)) and not images_in(folder)
