"""A bench for choosing: development.py SOURCE TARGET

From the normal *training* images of class folders in MVTec layout it makes a tree in the same
layout: training images, held-out normal ones, and held-out ones with defects pasted in by rule.
No test image of the source is opened, so settings may be chosen on it.

A class with more images than are trained on gives its surplus, another one a third of its images.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from pasting import KINDS, paste
from PIL import Image

from rlr.data.images import read_rgb
from rlr.foundation.atomic import atomic_folder
from rlr.foundation.documents import digest, file_sha256, write_json
from rlr.foundation.progress import track

MARKER = "development.json"
WHITE = 65535


@dataclass(frozen=True)
class Sizes:
    """How many images a class gives.

    Attributes:
        trained: Training images at most.
        held_out: Held-out images at most.
        damaged: Damaged images for each kind of defect.
    """

    trained: int
    held_out: int
    damaged: int


def main() -> int:
    """Build the tree and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path, help="folder of class folders in MVTec layout")
    parser.add_argument("target", type=Path, help="folder to create")
    parser.add_argument("--trained", type=int, default=120, help="training images a class")
    parser.add_argument("--held-out", type=int, default=40, help="held-out images a class")
    parser.add_argument("--damaged", type=int, default=10, help="images a kind of defect")
    parser.add_argument("--seed", type=int, default=0, help="seed of the defects")
    arguments = parser.parse_args()
    sizes = Sizes(arguments.trained, arguments.held_out, arguments.damaged)
    classes = [folder.parents[1] for folder in sorted(arguments.source.glob("*/train/good"))]
    if not classes:
        print(f"{arguments.source}: no CLASS/train/good in it; name such a folder.")
        return 2
    with atomic_folder(arguments.target) as temporary:
        for folder in classes:
            make_class(folder, temporary / folder.name, sizes, arguments.seed)
        write_json(
            temporary / MARKER,
            {"seed": arguments.seed, "kinds": list(KINDS), **vars(sizes)},
        )
    return 0


def make_class(source: Path, target: Path, sizes: Sizes, seed: int) -> None:
    """Make one class of the tree: training images by content hash, the rest held out."""
    images = sorted((source / "train" / "good").iterdir(), key=file_sha256)
    spare = max(len(images) - sizes.trained, len(images) // 3)
    trained = images[: len(images) - spare][: sizes.trained]
    held_out = images[len(images) - spare :][: sizes.held_out]
    for split, chosen in (("train", trained), ("test", held_out)):
        (target / split / "good").mkdir(parents=True)
        for number, path in enumerate(chosen):
            shutil.copyfile(path, target / split / "good" / f"{number:03d}{path.suffix}")
    for kind, number, path in track(
        list(_damages(held_out, sizes.damaged)), f"pasting defects into {source.name}"
    ):
        _save_damaged(path, target, kind, number, seed)


def _damages(images: list[Path], count: int) -> Iterator[tuple[str, int, Path]]:
    turn = cycle(images)  # goes on where the kind before ended, so that all images are used
    for kind in KINDS:
        yield from ((kind, number, path) for number, path in enumerate(islice(turn, count)))


def _save_damaged(path: Path, target: Path, kind: str, number: int, seed: int) -> None:
    key = digest([seed, kind, number, file_sha256(path)])
    draw = np.random.default_rng(int(key[:16], 16))
    damaged, mask = paste(kind, read_rgb(path, WHITE), draw)
    if _is_grey(path):
        damaged = damaged[:, :, 0]
    image_file = target / "test" / kind / f"{number:03d}.png"
    mask_file = target / "ground_truth" / kind / f"{number:03d}_mask.png"
    for file, pixels in ((image_file, damaged), (mask_file, mask.astype(np.uint8) * 255)):
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(file)


def _is_grey(path: Path) -> bool:
    with Image.open(path) as image:
        return image.mode == "L"


if __name__ == "__main__":
    sys.exit(main())
