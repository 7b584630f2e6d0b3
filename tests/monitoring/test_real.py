"""Real photographs and real weights: what is shown to hold on synthetic pictures holds there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from rlr.config import load_config
from rlr.config.data import DataConfig
from rlr.config.monitor import MonitorConfig
from rlr.data.index import index_images
from rlr.detection.detector import Detector
from rlr.monitoring.compare import compare
from rlr.monitoring.observe import Image as NewImage
from rlr.monitoring.observe import observe
from rlr.monitoring.reference import read_reference
from rlr.monitoring.result import WindowResult
from rlr.monitoring.samples import Baseline
from rlr.training.train import train

Change = Callable[[Image.Image], Image.Image]
RULES = MonitorConfig(permutations=99)


@pytest.fixture(scope="module")
def look(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., WindowResult]:
    """Return what compares the normal test images of `bottle`, changed, with its training ones."""
    assets, root = shared / "assets", tmp_path_factory.mktemp("real")
    weights = assets / "weights" / "resnet18_ktb_small_fp16.safetensors"
    bottle = assets / "datasets" / "bottle"
    if not (weights.is_file() and bottle.is_dir()):
        pytest.skip("shared/assets: real images or weights are missing")
    good = root / "set" / "bottle" / "train" / "good"
    good.mkdir(parents=True)
    for file in sorted((bottle / "train" / "good").iterdir())[:80]:
        (good / file.name).write_bytes(file.read_bytes())
    manifest = index_images(DataConfig(validation_fraction=0.4), root / "set")
    overrides = [
        f"features.backbone={{name: resnet18, weights: {weights}, options: {{}}}}",
        "model.levels=[{index: 2, width: 32, layers: 1, heads: 4}]",
        "training.epochs=1",
        "training.threads=1",
        "threshold.false_positive_rate=0.05",
    ]
    train(load_config("tiny", overrides), manifest, root / "trained")
    folder = root / "trained" / "model"
    detector, reference = Detector.load(folder, device="cpu"), read_reference(folder)
    assert reference is not None

    def compared(kind: str, change: Change) -> WindowResult:
        images = []
        for file in sorted((bottle / "test" / kind).iterdir()):
            target = root / f"{kind}-{len(images)}.png"
            with Image.open(file) as image:
                change(image.convert("RGB")).save(target)
            images.append(NewImage(target.name, target, "bottle"))
        observed, _ = observe(detector, reference, images)
        return compare(observed, Baseline(reference, detector.spec.thresholds), RULES)

    return compared


def test_real_normal_images_are_neither_strange_nor_all_defective(
    look: Callable[..., WindowResult],
) -> None:
    result = look("good", lambda image: image)
    assert result.images == 25
    assert result.strange == 0
    assert result.defect_share < RULES.greatest_defect_share
    assert result.kind != "normal_shifted", result.reasons


@pytest.mark.parametrize(
    ("change", "measure"),
    [
        (lambda image: Image.fromarray((np.asarray(image) * 0.8).astype(np.uint8)), "brightness"),
        (lambda image: image.filter(ImageFilter.GaussianBlur(1.0)), "sharpness"),
    ],
)
def test_real_images_in_another_light_or_out_of_focus_trigger(
    look: Callable[..., WindowResult], change: Change, measure: str
) -> None:
    result = look("good", change)
    assert result.kind == "normal_shifted"
    assert measure in {test.measure for test in result.tests if test.significant}


def test_real_defects_are_no_strangers(look: Callable[..., WindowResult]) -> None:
    result = look("broken_large", lambda image: image)
    assert result.strange < RULES.least_images
