"""Show a data set in MVTec AD's layout on one picture.

    python tools/contact_sheet.py FOLDER OUT.png [--good 3] [--defective 9] [--side 192]

Each class has rows of its own: normal training images, then one image of each defect in turn,
its mask outlined in magenta.
"""

import argparse
from collections.abc import Sequence
from itertools import islice, zip_longest
from pathlib import Path

from PIL import Image, ImageChops, ImageFilter

GAP = 4
OUTLINE = (255, 0, 255)
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}


def main() -> None:
    parser = argparse.ArgumentParser(description="Show a data set in MVTec AD's layout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--good", type=int, default=3, help="normal images a class")
    parser.add_argument("--defective", type=int, default=9, help="defective images a class")
    parser.add_argument("--side", type=int, default=192, help="side of an image in pixels")
    given = parser.parse_args()
    classes = sorted(path for path in given.folder.iterdir() if (path / "train").is_dir())
    rows = [
        [thumbnail(image, given.side) for image in images_of(home)[: given.good]]
        + [outlined(home, image, given.side) for image in defects_of(home, given.defective)]
        for home in classes
    ]
    sheet(rows, given.side).save(given.output)


def images_of(home: Path, split: str = "train", label: str = "good") -> list[Path]:
    """Return the images of one folder, sorted."""
    folder = home / split / label
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)


def defects_of(home: Path, count: int) -> list[Path]:
    """Return defective test images, the kinds in turn."""
    kinds = sorted(path.name for path in (home / "test").iterdir() if path.name != "good")
    turns = zip_longest(*(images_of(home, "test", kind) for kind in kinds))
    return list(islice((image for turn in turns for image in turn if image), count))


def thumbnail(path: Path, side: int) -> Image.Image:
    """Return an image at the sheet's size."""
    with Image.open(path) as image:
        return image.convert("RGB").resize((side, side))


def outlined(home: Path, path: Path, side: int) -> Image.Image:
    """Return an image with its mask's outline."""
    image = thumbnail(path, side)
    masks = sorted((home / "ground_truth" / path.parent.name).glob(f"{path.stem}[._]*"))
    for name in masks:
        with Image.open(name) as file:
            mask = file.convert("L").resize((side, side), Image.Resampling.NEAREST)
        wide = mask.filter(ImageFilter.MaxFilter(5))
        ring = ImageChops.subtract(wide, mask.filter(ImageFilter.MaxFilter(3)))
        image.paste(OUTLINE, mask=ring)
    return image


def sheet(rows: Sequence[Sequence[Image.Image]], side: int) -> Image.Image:
    """Return the pictures in rows."""
    step = side + GAP
    columns = max(len(row) for row in rows)
    page = Image.new("RGB", (columns * step - GAP, len(rows) * step - GAP), "white")
    for y, row in enumerate(rows):
        for x, image in enumerate(row):
            page.paste(image, (x * step, y * step))
    return page


if __name__ == "__main__":
    main()
