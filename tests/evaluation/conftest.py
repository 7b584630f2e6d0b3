"""A small inspection set with every kind of gap, and a detector that is quick to understand."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rlr.config import Config, load_config
from rlr.data.images import read_rgb
from rlr.data.manifest import GOOD, Manifest, make_frame
from rlr.detection.detector import Prediction
from rlr.detection.scoring import smooth
from rlr.detection.spec import PreprocessingSpec
from rlr.detection.thresholds import Threshold
from rlr.features import fit_to_input

SIDE = 32  # input size of the detector
SIGMA = 1.0
RATE = 0.05
VERSION = "0123456789abcdef0123456789abcdef.dir"


class StandIn:
    """Finds bright pixels: the raw map is the grey value over 255, smoothed with sigma 1."""

    def __init__(self, thresholds: dict[str, float], overall: float, origin: str = "file") -> None:
        self._thresholds = {name: _threshold(value) for name, value in thresholds.items()}
        self._overall = _threshold(overall)
        self.decoder = None
        self.spec = SimpleNamespace(
            classes=sorted(thresholds),
            preprocessing=PreprocessingSpec(
                height=SIDE, width=SIDE, mean=(0.0,) * 3, std=(1.0,) * 3, white_level=65535
            ),
            backbone=SimpleNamespace(name="stand-in", weights_origin=origin),
            scoring=SimpleNamespace(smoothing_sigma=SIGMA),
            thresholds=SimpleNamespace(overall=self._overall),
            origin=SimpleNamespace(
                data_version=VERSION, seed=7, code_version="0.1.0", code_commit="c" * 40
            ),
        )

    def image_threshold(self, class_name: str | None) -> Threshold:
        return self._overall if class_name is None else self._thresholds[class_name]

    def read(self, source: Path) -> np.ndarray:
        return read_rgb(source)

    def predict_rows(
        self, manifest: Manifest, rows: pd.DataFrame
    ) -> Iterator[tuple[dict[str, Any], Prediction]]:
        for row in rows.to_dict(orient="records"):
            raw = self.raw_map(manifest.root / row["path"])
            smoothed = smooth(raw[None], SIGMA)[0]
            score = float(smoothed.max())
            value = self._thresholds.get(row["class"], self._overall).value
            yield row, Prediction(score, value, score > value, raw, smoothed)

    def raw_map(self, path: Path) -> np.ndarray:
        image = fit_to_input(self.read(path), SIDE, SIDE)
        return (image.mean(axis=2) / 255.0).astype(np.float32)


def _threshold(value: float) -> Threshold:
    return Threshold(
        value=value,
        rate=RATE,
        n=40,
        class_n=40,
        method="conformal",
        attainable=True,
        note="",
    )


@pytest.fixture
def stand_in() -> StandIn:
    return StandIn({"plate": 0.6, "ring": 0.6, "<b>&tube": 0.6}, overall=0.9)


@pytest.fixture
def settings() -> Config:
    return load_config("tiny", ["evaluation.examples=2"])


class Bench:
    """Writes images and masks, and keeps the manifest's rows."""

    def __init__(self, root: Path) -> None:
        self.root, self.rows = root, []
        self._random = np.random.default_rng(1)

    def add(
        self,
        class_name: str,
        split: str,
        label: str | None,
        size: tuple[int, int] = (SIDE, SIDE),
        brightness: float = 0.95,
        masked: bool = True,
    ) -> str:
        """Draw a dark part, with a bright square where it is defective."""
        height, width = size
        pixels = self._random.uniform(0.1, 0.4, size)
        mask = np.zeros(size, dtype=np.uint8)
        if label not in (GOOD, None):
            top, left = self._random.integers(0, height // 2), self._random.integers(0, width // 2)
            mask[top : top + height // 4, left : left + width // 4] = 255
            pixels[mask > 0] = brightness
        stem = f"{class_name}/{split}/{label}-{len(self.rows)}"
        self._save(f"{stem}.png", np.rint(pixels * 255).astype(np.uint8))
        has_mask = bool(mask.any()) and masked
        if has_mask:
            self._save(f"{stem}_mask.png", mask)
        self.rows.append(
            {
                "path": f"{stem}.png",
                "class": class_name,
                "split": split,
                "label": label,
                "mask": f"{stem}_mask.png" if has_mask else None,
                "width": width,
                "height": height,
                "mode": "L",
                "bytes": 1,
                "sha256": str(len(self.rows)),
                "group": str(len(self.rows)),
            }
        )
        return f"{stem}.png"

    def manifest(self) -> Manifest:
        return Manifest(make_frame(self.rows), self.root, VERSION)

    def _save(self, name: str, pixels: np.ndarray) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "set")


@pytest.fixture
def full_set(bench: Bench) -> Manifest:
    """Return a set with all masks, one missing, none at all, one label, and unjudged images."""
    for name in ("plate", "ring", "<b>&tube"):
        for _ in range(3):
            bench.add(name, "train", GOOD)
    for size in ((40, 56), (64, 48), (32, 32)):  # all masked, mixed sizes
        bench.add("plate", "test", GOOD, size)
        bench.add("plate", "test", "scratch", size)
    bench.add("plate", "test", "spot", brightness=0.45)  # missed
    bench.add("ring", "test", GOOD)
    bench.add("ring", "test", "crack")
    bench.add("ring", "test", "crack", masked=False)
    for brightness in (0.95, 0.5):
        bench.add("<b>&tube", "test", GOOD)
        bench.add("<b>&tube", "test", "dent", brightness=brightness, masked=False)
    for _ in range(2):
        bench.add("newcomer", "test", GOOD)  # the detector does not know it
    bench.add("plate", "test", None)
    bench.add("plate", "unlabelled", None)
    return bench.manifest()


@pytest.fixture
def make_detector() -> Callable[..., StandIn]:
    return StandIn
