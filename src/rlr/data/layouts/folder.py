"""A plain folder of normal images a class, with test images and masks where there are some.

    ROOT/CLASS/*.png                              normal images, for training
    ROOT/CLASS/test/{good,DEFECT}/*.png           (optional)
    ROOT/CLASS/{masks,ground_truth}/DEFECT/*.png  (optional; or directly in masks/)
    ROOT/CLASS/unlabelled/*.png                   (optional)

ROOT may itself be the folder of a single class.
"""

from pathlib import Path

from rlr.data.layouts.class_folder import UNLABELLED, judged, unjudged, warn_of_strangers
from rlr.data.layouts.entry import Entry
from rlr.data.layouts.ground_truth import GroundTruth
from rlr.data.layouts.tree import folders_in, images_in, relative
from rlr.data.manifest import GOOD, Split
from rlr.foundation.errors import UserError

MASK_FOLDERS = ("masks", "ground_truth")
KNOWN = ("test", UNLABELLED, *MASK_FOLDERS)


class FolderLayout:
    """A tree of plain class folders.

    Args:
        root: Folder of the data set, or of a single class.
        single: Name of the class, where the root is the folder of a single one.
    """

    expectation = "plain folders: CLASS/*.png"

    def __init__(self, root: Path, single: str) -> None:
        self._root = root
        self._folders = {path.name: path for path in folders_in(root)}
        if images_in(root):
            self._refuse_classes_beside_images()
            self._folders = {single: root}

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the tree has a class of this layout."""
        return bool(images_in(root)) or any(images_in(folder) for folder in folders_in(root))

    @property
    def class_names(self) -> list[str]:
        return sorted(self._folders)

    def entries(self, class_name: str) -> list[Entry]:
        folder = self._folders[class_name]
        truth = GroundTruth(_mask_folder(folder), self._root)
        normal = [relative(path, self._root) for path in images_in(folder)]
        entries = [
            *(Entry(path, class_name, "train", GOOD) for path in normal),
            *judged(folder / "test", "test", class_name, self._root, truth),
            *unjudged(folder, class_name, self._root),
        ]
        truth.warn_of_orphans()
        warn_of_strangers(folder, KNOWN, "plain folder")
        return entries

    def place(self, class_name: str, split: Split, label: str) -> str:
        folder = self._folders[class_name]
        if split == "train":
            return relative(folder, self._root)
        return relative(folder / split / label, self._root)

    def mask_place(self, class_name: str, label: str) -> str:
        return relative(_mask_folder(self._folders[class_name]) / label, self._root)

    def _refuse_classes_beside_images(self) -> None:
        for name, folder in self._folders.items():
            if name not in KNOWN and images_in(folder):
                raise UserError(
                    f"{self._root} holds images of its own and a class folder {name}; "
                    "move the images into a class folder, too."
                )


def _mask_folder(folder: Path) -> Path:
    present = [folder / name for name in MASK_FOLDERS if (folder / name).is_dir()]
    if len(present) > 1:
        raise UserError(f"{folder} has both masks/ and ground_truth/; merge them into one.")
    return present[0] if present else folder / MASK_FOLDERS[0]
