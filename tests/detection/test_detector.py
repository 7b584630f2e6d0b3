"""The detector: the same scores by every way in."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlr.data.images import read_rgb
from rlr.data.manifest import Manifest
from rlr.detection.detector import Detector
from rlr.foundation.errors import UserError


@pytest.fixture(scope="module")
def detector(trained: Path) -> Detector:
    return Detector.load(trained / "model", device="cpu")


def test_rows_and_arrays_score_alike(detector: Detector, small_manifest: Manifest) -> None:
    rows = small_manifest.select("test")
    streamed = [prediction for _, prediction in detector.predict_rows(small_manifest, rows)]
    arrays = [read_rgb(small_manifest.root / path) for path in rows["path"]]
    direct = detector.predict(arrays, list(rows["class"]))
    for one, other in zip(streamed, direct, strict=True):
        assert one.image_score == pytest.approx(other.image_score, rel=1e-5)
        assert one.threshold == other.threshold


def test_a_stream_keeps_rows_and_images_together(
    detector: Detector, small_manifest: Manifest
) -> None:
    rows = small_manifest.select("test")
    singles = {
        path: detector.predict([read_rgb(small_manifest.root / path)])[0].image_score
        for path in rows["path"]
    }
    for row, prediction in detector.predict_rows(small_manifest, rows):
        assert prediction.image_score == pytest.approx(singles[row["path"]], rel=1e-5)


def test_batch_size_does_not_matter(trained: Path, small_manifest: Manifest) -> None:
    arrays = [
        read_rgb(small_manifest.root / path) for path in small_manifest.select("test")["path"]
    ]
    one, seven = (
        Detector.load(trained / "model", device="cpu", batch_size=size).predict(arrays)
        for size in (1, 7)
    )
    for a, b in zip(one, seven, strict=True):
        np.testing.assert_allclose(a.anomaly_map, b.anomaly_map, rtol=1e-4)


def test_image_of_any_size_gives_a_map_of_the_input_size(detector: Detector) -> None:
    image = np.zeros((100, 37, 3), dtype=np.uint8)
    (prediction,) = detector.predict([image])
    assert prediction.anomaly_map.shape == (64, 64)
    assert prediction.image_score == prediction.anomaly_map.max()
    assert prediction.is_anomalous is (prediction.image_score > prediction.threshold)


def test_unknown_class_uses_the_overall_threshold_only_if_unnamed(detector: Detector) -> None:
    assert detector.image_threshold(None) == detector.spec.thresholds.overall
    with pytest.raises(
        UserError, match=r"does not know the class 'bolt' \(it knows rings, stripes\)"
    ):
        detector.image_threshold("bolt")


def test_rate_can_be_changed_after_training(detector: Detector) -> None:
    loose = detector.at_rate(0.5)
    assert loose.image_threshold("rings").value < detector.image_threshold("rings").value
    assert loose.image_threshold("rings").rate == 0.5


def test_sixteen_bit_grey_scores_like_eight(detector: Detector, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (64, 64)).astype(np.uint8)
    Image.fromarray(grey).save(tmp_path / "eight.png")
    Image.fromarray(grey.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    eight, sixteen = (detector.read(tmp_path / name) for name in ("eight.png", "sixteen.png"))
    assert np.array_equal(eight, sixteen)
