"""The official distribution of BTAD (Mishra et al. 2021), as its archive unpacks.

    ROOT/{01,02,03}/train/ok/*.{bmp,png}
    ROOT/{01,02,03}/test/{ok,ko}/*.{bmp,png}
    ROOT/{01,02,03}/ground_truth/ko/*.{bmp,png}  of the image's name, in a format of its own

It is MVTec AD's layout with other words: ok is good, and ko is the one type of defect.
"""

from pathlib import Path

from rlr.data.layouts.mvtec import MvtecLayout
from rlr.data.layouts.tree import folders_in, images_in

OK = "ok"


class BtadLayout(MvtecLayout):
    """A tree as BTAD's archive unpacks; as for `MvtecLayout`, ROOT may be one class."""

    expectation = "BTAD: CLASS/train/ok"
    title = "BTAD"
    good = OK

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the tree has a class of this layout, and none of MVTec AD's."""
        classes = [root, *folders_in(root)]
        return any(_has(folder, OK) for folder in classes) and not any(
            _has(folder, MvtecLayout.good) for folder in classes
        )


def _has(folder: Path, good: str) -> bool:
    """Return whether a class folder calls its normal images by this name."""
    return any((folder / split / good).is_dir() for split in ("train", "test")) and not images_in(
        folder
    )
