"""How long a detector takes, told by a clock that a test turns."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlr.data.manifest import Manifest
from rlr.gate.latency import seconds_per_image


class Timed:
    """Takes a given time for each batch."""

    batch_size = 4

    def __init__(self, seconds: list[float], clock: list[float]) -> None:
        self.seconds, self.clock = iter(seconds), clock
        self.sizes: list[int] = []

    def read(self, _: object) -> np.ndarray:
        self.clock[0] += 1000.0  # decoding is not the detector's time
        return np.zeros((2, 2, 3), np.uint8)

    def predict(self, images: list[np.ndarray]) -> None:
        self.sizes.append(len(images))
        self.clock[0] += next(self.seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr("rlr.gate.latency.time.perf_counter", lambda: now[0])
    return now


def test_the_median_of_the_batches_after_the_first(
    small_manifest: Manifest, clock: list[float]
) -> None:
    rows = small_manifest.select("test")
    detector: Any = Timed([99.0, 0.4, 0.4, 50.0, 0.4, 0.8], clock)
    assert seconds_per_image(detector, small_manifest, rows, 5) == pytest.approx(0.1)
    assert detector.sizes == [4] * 6


def test_fewer_images_than_a_batch_holds(small_manifest: Manifest, clock: list[float]) -> None:
    rows: pd.DataFrame = small_manifest.select("test")[:3]
    detector: Any = Timed([9.0, 0.3], clock)
    assert seconds_per_image(detector, small_manifest, rows, 1) == pytest.approx(0.1)
    assert detector.sizes == [3, 3]
