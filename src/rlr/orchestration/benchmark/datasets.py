"""The public sets that have a standard protocol."""

from dataclasses import dataclass
from pathlib import Path

from rlr.data.layouts import LayoutName, recognise
from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class Counts:
    """Official numbers of images; None where no source is at hand."""

    train: int | None
    test: int | None
    total: int


@dataclass(frozen=True)
class Dataset:
    """A public set.

    Attributes:
        name: Its name on the command line.
        title: Its name in tables.
        layouts: Layouts that it is spread in, the official one first.
        categories: Official categories, sorted.
        counts: Official numbers of images; None: sources disagree.
        views: Whether several images, which lie in one folder, show one part.
    """

    name: str
    title: str
    layouts: tuple[LayoutName, ...]
    categories: tuple[str, ...]
    counts: Counts | None
    views: bool = False

    def layout_of(self, root: Path) -> LayoutName:
        """Return the layout of a tree.

        Raises:
            UserError: The folder is missing, or in none of the set's layouts.
        """
        if not root.is_dir():
            raise UserError(f"--root {root} is missing; name the folder of {self.title}.")
        layout = recognise(root)
        if layout not in self.layouts:
            raise UserError(
                f"--root {root} is not in a layout of {self.title} ({' or '.join(self.layouts)}), "
                f"but in that of {layout}; name the folder that its archive unpacks to, see "
                "docs/benchmarks.md."
            )
        return layout


_MVTEC = (
    "bottle cable capsule carpet grid hazelnut leather metal_nut pill screw tile toothbrush "
    "transistor wood zipper"
)
_VISA = "candle capsules cashew chewinggum fryum macaroni1 macaroni2 pcb1 pcb2 pcb3 pcb4 pipe_fryum"
_MPDD = "bracket_black bracket_brown bracket_white connector metal_plate tubes"
_BTAD = "01 02 03"
_REALIAD = (
    "audiojack bottle_cap button_battery end_cap eraser fire_hood mint mounts pcb phone_battery "
    "plastic_nut plastic_plug porcelain_doll regulator rolled_strip_base sim_card_set switch tape "
    "terminalblock toothbrush toy toy_brick transistor1 u_block usb usb_adaptor vcpill "
    "wooden_beads woodstick zipper"
)

DATASETS = {
    dataset.name: dataset
    for dataset in (
        Dataset("mvtec", "MVTec AD", ("mvtec",), tuple(_MVTEC.split()), Counts(3629, 1725, 5354)),
        # Many keep VisA as its authors' script rearranges it, in MVTec AD's layout.
        Dataset("visa", "VisA", ("visa", "mvtec"), tuple(_VISA.split()), Counts(None, None, 10821)),
        Dataset("mpdd", "MPDD", ("mvtec",), tuple(_MPDD.split()), Counts(888, 458, 1346)),
        Dataset("btad", "BTAD", ("btad", "mvtec"), tuple(_BTAD.split()), None),
        Dataset(
            "realiad",
            "Real-IAD",
            ("realiad",),
            tuple(_REALIAD.split()),
            Counts(36465, 114585, 151050),
            views=True,
        ),
    )
}
