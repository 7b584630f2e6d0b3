"""A small healthy set that a test may damage, and what a validation says of it."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rlr.config.validation import Severities, ValidationConfig
from rlr.data.images import read_header
from rlr.data.manifest import GOOD, UNREADABLE, Manifest, make_frame
from rlr.foundation.errors import UserError
from rlr.validation import Verdict, validate

SIDE = 64
VERSION = "0" * 32 + ".dir"
LIMITS = {"min_train_good": 8, "min_validation_good": 1, "min_test_good": 1}


class PartSet:
    """Two classes of noisy parts in a folder: healthy until a test damages it.

    Of every class the first two training images are shots of one part, so that the nearest
    training images are nearer than any pair across splits, as in a set with many images.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.random = np.random.default_rng(7)
        self.rows: dict[str, dict[str, Any]] = {}
        for name in ("bolt", "cap"):
            self._add_class(name)

    def _add_class(self, name: str) -> None:
        first = self.add(f"{name}/train/good/000.png", "train", GOOD, self.picture())
        self.add(f"{name}/train/good/001.png", "train", GOOD, self.again(first, noise=6))
        for number in range(2, 9):
            self.add(f"{name}/train/good/{number:03}.png", "train", GOOD, self.picture())
        for number in range(9, 11):
            self.add(f"{name}/train/good/{number:03}.png", "validation", GOOD, self.picture())
        for number in range(3):
            self.add(f"{name}/test/good/{number:03}.png", "test", GOOD, self.picture())
            path = f"{name}/test/scratch/{number:03}.png"
            self.add(path, "test", "scratch", self.picture(), self.mask(path))

    def picture(self) -> np.ndarray:
        """Return a picture that is like no other."""
        coarse = self.random.integers(40, 216, (8, 8, 3), dtype=np.uint8)
        return np.kron(coarse, np.ones((SIDE // 8, SIDE // 8, 1), dtype=np.uint8))

    def again(self, path: str, noise: int) -> np.ndarray:
        """Return the picture of an image, taken again with other noise."""
        pixels = np.asarray(Image.open(self.root / path).convert("RGB")).astype(int)
        shaken = pixels + self.random.integers(-noise, noise + 1, pixels.shape)
        return shaken.clip(0, 255).astype(np.uint8)

    def mask(self, path: str, size: tuple[int, int] = (SIDE, SIDE), marked: int = 12) -> str:
        """Write the mask of an image and return its path."""
        pixels = np.zeros(size[::-1], dtype=np.uint8)
        pixels[4 : 4 + marked, 4 : 4 + marked] = 255
        name = path.replace("/test/", "/ground_truth/").replace(".png", "_mask.png")
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(self.root / name)
        return name

    def add(
        self, path: str, split: str, label: str | None, pixels: np.ndarray, mask: str | None = None
    ) -> str:
        """Write an image, in the format of its suffix, and list it."""
        self.write(path, pixels)
        name = path.split("/", maxsplit=1)[0]
        self.rows[path] = {"class": name, "split": split, "label": label, "mask": mask}
        return path

    def write(self, path: str, pixels: np.ndarray) -> str:
        """Write an image that is listed already."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(self.root / path)
        return path

    def remove(self, split: str, name: str, keep: int = 0) -> None:
        """Take the good images of a class out of a split, but for the first ones."""
        rows = self.rows.items()
        wanted = {"class": name, "split": split, "label": GOOD}
        mine = [path for path, row in rows if {key: row[key] for key in wanted} == wanted]
        for path in mine[keep:]:
            del self.rows[path]

    def manifest(self) -> Manifest:
        """Return the manifest of what lies in the folder now."""
        rows = [self._row(path) for path in self.rows]
        return Manifest(make_frame(rows), self.root, VERSION)

    def _row(self, path: str) -> dict[str, Any]:
        content = (self.root / path).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        facts = {"path": path, "bytes": len(content), "sha256": sha256, "group": sha256}
        try:
            header = vars(read_header(self.root / path))
        except UserError:
            header = {"width": 0, "height": 0, "mode": UNREADABLE}
        return facts | header | self.rows[path]


@pytest.fixture
def parts(tmp_path: Path) -> PartSet:
    """Return a healthy set."""
    return PartSet(tmp_path / "parts")


@pytest.fixture
def settings() -> Callable[..., ValidationConfig]:
    """Return a function that makes a configuration with limits fit for the small set."""

    def make(severity: dict[str, str] | None = None, **limits: Any) -> ValidationConfig:
        severities = Severities.model_validate(severity or {})
        return ValidationConfig.model_validate({"severity": severities, **LIMITS, **limits})

    return make


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Return the folder that a validation writes to."""
    return tmp_path / "output"


@pytest.fixture
def judged(
    settings: Callable[..., ValidationConfig], output: Path
) -> Iterator[Callable[..., Verdict]]:
    """Return a function that validates a set: `judged(parts, min_side=16)`."""

    def judge(
        parts: PartSet | Manifest, severity: dict[str, str] | None = None, **limits: Any
    ) -> Verdict:
        manifest = parts.manifest() if isinstance(parts, PartSet) else parts
        return validate(manifest, settings(severity, **limits), output)

    return judge
