"""The yardstick: the distance from the mean of the normal training images, and nothing cleverer."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from rlr.data.manifest import GOOD
from rlr.evaluation.baseline import MeanImage


@pytest.fixture
def fitted(stand_in, bench):
    normal = [bench.add("plate", "train", GOOD) for _ in range(3)]
    bench.add("plate", "train", "scratch")  # must not be learnt from
    bench.add("plate", "validation", GOOD)
    tested = bench.add("plate", "test", "scratch")
    bench.add("ring", "test", GOOD)
    manifest = bench.manifest()
    baseline = MeanImage.fit(manifest, stand_in.spec.preprocessing, 1.0)
    return baseline, manifest, normal, tested


def test_map_and_score(fitted) -> None:
    baseline, manifest, normal, tested = fitted
    rows = manifest.frame[manifest.frame["path"] == tested]
    row, said = next(baseline.predict_rows(manifest, rows))
    images = [np.asarray(Image.open(manifest.root / path), dtype=float) for path in normal]
    image = np.asarray(Image.open(manifest.root / tested), dtype=float)
    raw = np.abs(image - np.mean(images, axis=0)) / 255
    assert row["path"] == tested
    np.testing.assert_allclose(said.raw_map, raw, atol=1e-6)
    np.testing.assert_allclose(said.anomaly_map, gaussian_filter(raw, 1.0), atol=1e-6)
    assert said.image_score == said.anomaly_map.max()


def test_a_class_without_training_images_is_not_known(fitted) -> None:
    baseline, manifest, _, tested = fitted
    assert list(baseline.known(manifest.select("test"))["path"]) == [tested]
