"""Folder layouts: each turns a tree into entries, one an image."""

from pathlib import Path
from typing import Literal

from rlr.data.layouts.btad import BtadLayout
from rlr.data.layouts.entry import Entry, Layout
from rlr.data.layouts.folder import FolderLayout
from rlr.data.layouts.mvtec import MvtecLayout
from rlr.data.layouts.realiad import RealIadLayout
from rlr.data.layouts.tree import is_image
from rlr.data.layouts.visa import VisaLayout
from rlr.foundation.errors import UserError

__all__ = ["Entry", "Layout", "LayoutName", "open_layout", "recognise"]

LayoutName = Literal["visa", "realiad", "btad", "mvtec", "folder"]

# In the order of recognition: the most particular tree comes first.
_LAYOUTS: dict[
    LayoutName, type[VisaLayout] | type[RealIadLayout] | type[MvtecLayout] | type[FolderLayout]
] = {
    "visa": VisaLayout,
    "realiad": RealIadLayout,
    "btad": BtadLayout,
    "mvtec": MvtecLayout,
    "folder": FolderLayout,
}


def open_layout(
    root: Path, name: LayoutName | Literal["auto"] = "auto", single: str | None = None
) -> Layout:
    """Open a tree of images.

    Args:
        root: Folder of the data set.
        name: "mvtec", "visa", "btad", "realiad", "folder", or "auto": recognised from the tree.
        single: Name of the class where the root is the folder of a single one; None: the
            folder's own name.

    Raises:
        UserError: The folder is missing, or its layout is not recognised.
    """
    if not root.is_dir():
        raise UserError(
            f"The data folder {root} is missing; name another (data.root), generate a set with "
            "`rlr data synth` or fetch one with `rlr data pull`."
        )
    kind = _LAYOUTS[recognise(root) if name == "auto" else name]
    return kind(root, single or root.absolute().name)


def recognise(root: Path) -> LayoutName:
    """Return the layout of a folder, by what lies where.

    Raises:
        UserError: It holds no images, or they are in no known layout.
    """
    for name, layout in _LAYOUTS.items():
        if layout.recognises(root):
            return name
    if not any(is_image(path) for path in root.rglob("*")):
        raise UserError(f"{root} holds no images; name a folder with images (data.root).")
    looked_for = "; ".join(layout.expectation for layout in _LAYOUTS.values())
    raise UserError(
        f"{root} has images in no known layout (looked for {looked_for}); see docs/data.md."
    )
