"""Small trees of images for the tests of the data room."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlr.data.manifest import Manifest

Paint = Callable[..., Path]


@pytest.fixture
def paint(tmp_path: Path) -> Paint:
    """Return a function that writes an image, different for each path below the test's folder.

    The folder's own name is another in each session, and an image's bytes decide its split.
    """

    def write(path: Path, mode: str = "RGB", size: tuple[int, int] = (8, 6)) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        inside = path.absolute().relative_to(tmp_path)
        draw = np.random.default_rng(zlib.crc32(str(inside).encode()))
        bands = {"L": (), "I;16": (), "RGB": (3,), "RGBA": (4,)}[mode]
        kind = np.uint16 if mode == "I;16" else np.uint8
        pixels = draw.integers(0, np.iinfo(kind).max, (size[1], size[0], *bands), dtype=kind)
        Image.fromarray(pixels).save(path)
        return path

    return write


@pytest.fixture
def mvtec(tmp_path: Path, paint: Paint) -> Path:
    """Return a tree in MVTec AD layout: class `bolt` with masks, class `tile` without."""
    root = tmp_path / "set"
    for index in range(6):
        paint(root / "bolt" / "train" / "good" / f"{index:03d}.png")
        paint(root / "tile" / "train" / "good" / f"{index:03d}.png", mode="L")
    for name in ("bolt", "tile"):
        paint(root / name / "test" / "good" / "000.png")
        paint(root / name / "test" / "crack" / "000.png")
    paint(root / "bolt" / "ground_truth" / "crack" / "000_mask.png", mode="L")
    return root


@pytest.fixture
def row() -> Callable[[Manifest, str], dict[str, object]]:
    """Return a function that finds the row of a path."""

    def find(manifest: Manifest, path: str) -> dict[str, object]:
        rows = manifest.frame[manifest.frame["path"] == path]
        assert len(rows) == 1, path
        # pandas holds null text as NaN, which is equal to nothing.
        return dict(rows.astype(object).where(rows.notna(), None).iloc[0])

    return find
