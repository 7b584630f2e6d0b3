"""One training on a vision transformer, by the preset for foundation models."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rlr.config import load_config
from rlr.data.manifest import Manifest
from rlr.detection.canary import check_canary
from rlr.detection.detector import Detector

# Untrained, its blocks add a hundred-thousandth of what they say, and one is like the other.
SMALL = (
    "features.backbone={name: vit_small_patch14_reg4_dinov2, weights: random,"
    " options: {init_values: 1.0}}",
    "features.preprocessing={height: 56, width: 84}",
    "model.levels=[{index: 2, blocks: [1, 2], width: 32, layers: 1, heads: 4},"
    " {index: 3, width: 32, layers: 1, heads: 4}]",
    "training={epochs: 1, batch_size: 8}",
    "data.validation_fraction=0.3",
)


@pytest.fixture(scope="module")
def overrides() -> list[str]:
    return [word for change in SMALL for word in ("--set", change)]


def test_the_preset_trains_and_predicts(
    rlr: Callable[..., Any],
    small_manifest: Manifest,
    overrides: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    root = small_manifest.root
    where = ["--config", "dinov2", *overrides, "--set", f"data.root={root}"]
    trained = rlr("train", "--json", "-o", tmp_path / "train", *where)
    assert trained.status == 0, trained.stderr
    result = json.loads(trained.stdout)
    assert result["backbone"]["weights_origin"] == "random"
    model = tmp_path / "train" / "model"
    spec = json.loads((model / "detector.json").read_text())
    levels = [(level["blocks"], level["grid"]) for level in spec["network"]["levels"]]
    assert levels == [([1, 2], [4, 6]), ([3], [4, 6])]
    assert spec["backbone"]["pooling"] == 1, "the preset's"

    # The artifact scores as the training's own networks did.
    check = check_canary(model, tolerance=1e-5)
    assert (check.checked > 0, check.holds) == (True, True), check.sentence
    image = root / "rings" / "test" / "blot" / "000.png"
    found = rlr("predict", model, image, "--json")
    assert found.status == 0, found.stderr
    score = json.loads(found.stdout)["predictions"][0]["image_score"]
    detector = Detector.load(model, device="cpu", batch_size=1)
    again = detector.predict([detector.read(image)])[0]
    assert np.isclose(score, again.image_score, rtol=1e-6)


def test_the_preset_is_complete() -> None:
    config = load_config("dinov2")
    side = config.features.preprocessing.height
    assert side % 14 == 0
    assert [level.blocks for level in config.model.levels] == [[2, 3, 4, 5], [6, 7, 8, 9]]
