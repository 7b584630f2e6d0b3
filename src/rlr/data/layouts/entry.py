"""What a layout makes of a tree: one entry an image, before any file is opened."""

from dataclasses import dataclass
from typing import Protocol

from rlr.data.manifest import Split


@dataclass(frozen=True)
class Entry:
    """One image, as its place in the tree describes it.

    Attributes:
        path: Path relative to the root, with slashes.
        class_name: Product class.
        split: The split that the tree says; validation is carved out of train later.
        label: "good", a defect type, or None: nobody has judged the image.
        masks: Paths of the ground-truth masks, relative to the root; () for none.
    """

    path: str
    class_name: str
    split: Split
    label: str | None
    masks: tuple[str, ...] = ()


class Layout(Protocol):
    """A tree of one layout."""

    @property
    def class_names(self) -> list[str]:
        """Names of the product classes, sorted."""
        ...

    def entries(self, class_name: str) -> list[Entry]:
        """Return the images of one class."""
        ...

    def place(self, class_name: str, split: Split, label: str) -> str:
        """Return the folder of images of a label, relative to the root.

        Raises:
            UserError: In this layout a label is not told by a place.
        """
        ...

    def mask_place(self, class_name: str, label: str) -> str:
        """Return the folder of the masks of a defect type, relative to the root."""
        ...
