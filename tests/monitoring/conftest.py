"""A detector of two classes, and pools of images that are observed once and drawn from often."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from rlr.config import load_config
from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.detection.detector import Detector
from rlr.detection.thresholds import decide_thresholds
from rlr.monitoring.observe import Image as NewImage
from rlr.monitoring.observe import Observations, observe
from rlr.monitoring.reference import Reference, read_reference
from rlr.monitoring.samples import Baseline
from rlr.training.train import train

Pixels = np.ndarray
ARRAYS = ("class_of", "scores", "brightness", "sharpness", "coordinates", "distances", "defective")


def dots(index: int) -> Pixels:
    return _picture(index, lambda x, y, at: np.sin((x + at) / 4.0) * np.sin((y - at) / 4.0))


def waves(index: int) -> Pixels:
    return _picture(index, lambda x, y, at: np.sin((x + y) / 3.0 + at))


def checks(index: int) -> Pixels:
    return _picture(index, lambda x, y, at: np.sign(np.sin((x + at) / 2.0) * np.sin(y / 2.0)))


def _picture(index: int, pattern: Callable[..., Pixels]) -> Pixels:
    y, x = np.mgrid[:64, :64]
    draws = np.random.default_rng(index)
    grey = draws.uniform(105, 125) + 60 * pattern(x, y, draws.uniform(0, 6))
    noise = draws.normal(0, 4, (64, 64, 3))
    return np.clip(grey[:, :, None] * (1.0, 0.9, 0.8) + noise, 0, 255).astype(np.uint8)


def blot(pixels: Pixels) -> Pixels:
    y, x = np.mgrid[:64, :64]
    marked = pixels.copy()
    at = np.random.default_rng(int(pixels[0, 0, 0])).uniform(14, 50, size=2)
    marked[np.hypot(x - at[0], y - at[1]) < 7] = (250, 20, 240)
    return marked


def brighter(pixels: Pixels) -> Pixels:
    return np.clip(pixels * 1.15, 0, 255).astype(np.uint8)


def blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.8)))


def on_another_tray(pixels: Pixels) -> Pixels:
    """Keep the mean grey value, so that brightness cannot be what is noticed."""
    tray = pixels.copy()
    tray[:, :10] = np.array([60, 130, 110])
    tray[:, -10:] = np.array([60, 130, 110])
    return tray


CHANGES: dict[str, Callable[[Pixels], Pixels]] = {
    "light": brighter,
    "blur": blurred,
    "background": on_another_tray,
    "defects": blot,
}


@dataclass(frozen=True)
class Bench:
    """The detector, its folder, and pools of observed images."""

    folder: Path
    detector: Detector
    reference: Reference
    images: Path
    pools: dict[str, Observations]

    @property
    def baseline(self) -> Baseline:
        return Baseline(self.reference, self.detector.spec.thresholds)

    def window(self, count: int, seed: int = 0, **others: float) -> Observations:
        """Draw normal images, with shares of other pools: `window(50, defects=0.2)`."""
        draws = np.random.default_rng(seed)
        rest = count - sum(round(share * count) for share in others.values())
        parts = [self._draw("normal", rest, draws)]
        parts += [self._draw(name, round(share * count), draws) for name, share in others.items()]
        return join([part for part in parts if len(part)])

    def _draw(self, name: str, count: int, draws: np.random.Generator) -> Observations:
        pool = self.pools[name.replace("_", " ")]
        return pool.at(draws.choice(len(pool), count, replace=False))

    def split(self, size: int, seed: int) -> tuple[Observations, Baseline]:
        """Draw a window, and make a reference of all other normal images of the pool."""
        pool = self.pools["normal"]
        order = np.random.default_rng(seed).permutation(len(pool))
        rest = pool.at(order[size:])
        names = self.reference.classes
        scores = {name: rest.scores[rest.class_of == k] for k, name in enumerate(names)}
        reference = replace(
            self.reference,
            class_of=rest.class_of,
            brightness=rest.brightness,
            sharpness=rest.sharpness,
            coordinates=rest.coordinates,
            distances=rest.distances,
            held_out=np.ones(len(rest), dtype=bool),
        )
        return pool.at(order[:size]), Baseline(reference, decide_thresholds(names, scores, 0.05))


def join(parts: list[Observations]) -> Observations:
    """Return all images of several observations."""
    arrays = {name: np.concatenate([getattr(p, name) for p in parts]) for name in ARRAYS}
    return replace(parts[0], images=[image for p in parts for image in p.images], **arrays)


def save(file: Path, pixels: Pixels) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return file


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Train a tiny detector, and run it once over normal, changed, defective and other images."""
    root = tmp_path_factory.mktemp("monitored")
    for name, part in (("dots", dots), ("waves", waves)):
        for index in range(60):
            save(root / "set" / name / "train" / "good" / f"{index:03d}.png", part(index))
    manifest = index_images(DataConfig(validation_fraction=0.4), root / "set")
    overrides = ["training.threads=1", "threshold.false_positive_rate=0.05"]
    train(load_config("tiny", overrides), manifest, root / "trained")
    folder = root / "trained" / "model"
    detector = Detector.load(folder, device="cpu")
    reference = read_reference(folder)
    assert reference is not None

    def look(pool: str, count: int, change: Callable[[Pixels], Pixels] = lambda p: p) -> None:
        images = []
        for name, part in (("dots", dots), ("waves", waves)):
            for index in range(1000, 1000 + count):
                file = root / "new" / pool / name / f"{index}.png"
                images.append(
                    NewImage(f"{name}/{index}.png", save(file, change(part(index))), name)
                )
        pools[pool], unreadable = observe(detector, reference, images)
        assert not unreadable

    pools: dict[str, Observations] = {}
    look("normal", 100)
    for name, change in CHANGES.items():
        look(name, 40, change)
    strangers = [save(root / "new" / "checks" / f"{i}.png", checks(i)) for i in range(40)]
    for pool, class_name in (("new class", "checks"), ("unnamed new class", None)):
        new = [NewImage(file.name, file, class_name) for file in strangers]
        pools[pool], _ = observe(detector, reference, new)
    return Bench(folder, detector, reference, root / "new", pools)
