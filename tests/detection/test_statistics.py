"""Statistics in the artifact: what a detector was calibrated with is what it scores with."""

import json
import shutil
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, load_file, save_file

from rlr.config import load_config
from rlr.data.manifest import Manifest
from rlr.detection.artifact import load_artifact
from rlr.detection.canary import check_canary
from rlr.detection.detector import Detector
from rlr.detection.statistics import Statistics
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.training.store import ImageSet
from rlr.training.train import train
from rlr.training.trainer import Trainer

FILE = "statistics.safetensors"
OVERRIDES = [
    "training.threads=1",
    "training.epochs=1",
    "features.normalisation=channel",
    "detection.image_score=top_share",
    "detection.calibration={method: prototype, positions: true, whitening: covariance, "
    "maps: deviation, residuals: both, prototypes: 2, temperature: 0.5}",
]


@pytest.fixture(scope="module")
def calibrated(small_manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of a tiny training with all that may be calibrated."""
    output = tmp_path_factory.mktemp("calibrated") / "train"
    train(load_config("tiny", OVERRIDES), small_manifest, output)
    return output


@pytest.fixture
def model(calibrated: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(calibrated / "model", tmp_path / "model"))


def test_the_description_says_how_scores_are_made(calibrated: Path) -> None:
    document = json.loads((calibrated / "model" / "detector.json").read_text())
    assert document["normalisation"] == "channel"
    assert document["scoring"]["image_score"] == "top_share"
    assert document["scoring"]["calibration"] == {
        "method": "prototype",
        "positions": True,
        "whitening": "covariance",
        "tokens": "deviation",
        "maps": "deviation",
        "temperature": 0.5,
    }
    assert document["weights"]["statistics"] == file_sha256(calibrated / "model" / FILE)


def test_a_loaded_detector_scores_as_the_trained_one_did(calibrated: Path) -> None:
    """The canary was scored in the training, by the networks and tables in its memory."""
    check = check_canary(calibrated / "model")
    assert check.checked == 8
    assert check.greatest_difference == 0.0


def test_tables_come_back_bit_by_bit(calibrated: Path) -> None:
    spec, _, _, statistics = load_artifact(calibrated / "model")
    content = (calibrated / "model" / FILE).read_bytes()
    assert statistics.to_bytes() == content
    assert Statistics.of(load(content), spec).to_bytes() == content


def test_the_thresholds_are_on_the_calibrated_scale(
    calibrated: Path, small_manifest: Manifest
) -> None:
    detector = Detector.load(calibrated / "model", device="cpu")
    rows = small_manifest.select("validation")
    said = [p.image_score for _, p in detector.predict_rows(small_manifest, rows)]
    stored = sorted(chain(*detector.spec.thresholds.normal_scores.values()))
    assert sorted(said) == pytest.approx(stored, rel=1e-5, abs=1e-5)
    assert abs(sum(said)) < 5 * len(said)  # in deviations from the usual normal image


def test_statistics_count(model: Path) -> None:
    tensors = load_file(model / FILE)
    save_file(
        {**tensors, "calibration.image_scale": tensors["calibration.image_scale"] * 2}, model / FILE
    )
    with pytest.raises(UserError, match=rf"{FILE} was changed"):
        load_artifact(model)
    _sign(model)
    assert not check_canary(model).holds


@pytest.mark.parametrize("name", ["normalisation.mean.1", "calibration.prototypes.scale"])
def test_a_missing_table_is_told(model: Path, name: str) -> None:
    tensors = load_file(model / FILE)
    del tensors[name]
    save_file(tensors, model / FILE)
    _sign(model)
    with pytest.raises(UserError, match=rf"{FILE} does not fit its description.*scale|mean"):
        load_artifact(model)


def test_features_may_be_computed_at_every_use(
    calibrated: Path, small_manifest: Manifest, tmp_path: Path
) -> None:
    config = load_config("tiny", [*OVERRIDES, "features.cache=off"])
    train(config, small_manifest, tmp_path)
    kept = load_file(calibrated / "model" / FILE)
    found = load_file(tmp_path / "model" / FILE)
    assert found.keys() == kept.keys()
    for name, table in found.items():
        torch.testing.assert_close(table, kept[name], rtol=1e-3, atol=1e-4, msg=name)


def test_folds_are_trained_once_for_tables_and_thresholds(
    small_manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[int] = []
    fit = Trainer.fit

    def count(trainer: Trainer, images: ImageSet, *args: Any, **options: Any) -> Any:
        trained.append(len(images))
        return fit(trainer, images, *args, **options)

    monkeypatch.setattr(Trainer, "fit", count)
    overrides = [
        "training.epochs=1",
        "threshold={method: cross_fit, folds: 2}",
        "detection.calibration={method: position, residuals: cross_fit}",
    ]
    result = train(load_config("tiny", overrides), small_manifest, tmp_path)
    assert trained[0] == result["images"]["train"] == sum(trained[1:])
    assert len(trained) == 3
    tables = load_file(tmp_path / "model" / FILE)
    assert tables["calibration.0.squared_scale"].shape == (1, 16 * 16)


def test_tables_need_images(small_manifest: Manifest, tmp_path: Path) -> None:
    frame = small_manifest.frame[small_manifest.frame["split"] != "validation"]
    manifest = Manifest(frame, small_manifest.root, small_manifest.version)
    overrides = [
        "threshold.method=cross_fit",
        "detection.calibration={method: position, residuals: validation}",
    ]
    with pytest.raises(UserError, match=r"residuals=validation, and there are no validation"):
        train(load_config("tiny", overrides), manifest, tmp_path)


def test_the_published_recipe_has_no_statistics(trained: Path) -> None:
    spec, _, _, statistics = load_artifact(trained / "model")
    assert not statistics
    assert spec.weights.statistics is None
    assert not (trained / "model" / FILE).exists()


def _sign(model: Path) -> None:
    file = model / "detector.json"
    document = json.loads(file.read_text())
    document["weights"]["statistics"] = file_sha256(model / FILE)
    file.write_text(json.dumps(document))
