"""Anomaly maps, smoothing and heat maps."""

import numpy as np
import torch

from rlr.detection.heatmap import colours, overlay
from rlr.detection.scoring import anomaly_map, image_scores, smooth


def test_levels_are_stretched_corner_to_corner_and_averaged() -> None:
    coarse = torch.tensor([[0.0, 1.0, 2.0, 3.0]])  # a 2x2 grid
    flat = torch.full((1, 12), 5.0)  # a 3x4 grid
    found = anomaly_map([coarse, flat], [(2, 2), (3, 4)], (5, 9))
    rows, columns = np.linspace(0, 1, 5)[:, None], np.linspace(0, 1, 9)[None, :]
    np.testing.assert_allclose(found[0].numpy(), (2 * rows + columns + 5) / 2, atol=1e-6)


def test_image_score_is_the_peak_of_the_smoothed_map() -> None:
    maps = np.zeros((2, 64, 64), dtype=np.float32)
    maps[1, 32, 32] = 100.0
    smoothed = smooth(maps, 4.0)
    scores = image_scores(smoothed)
    assert scores[0] == 0.0
    assert abs(scores[1] - 100.0 / (2 * np.pi * 16)) < 0.02  # the Gaussian's own peak
    assert smooth(maps, 0.0) is maps


def test_colour_depends_on_the_threshold_and_not_on_the_image() -> None:
    image = np.full((32, 32, 3), 120, dtype=np.uint8)
    low = np.full((16, 16), 0.2, dtype=np.float32)
    low[4:8, 4:8] = 0.4
    # Far below the threshold a good part stays as it is, whatever its own range of scores is.
    assert np.array_equal(overlay(image, low, threshold=1.0), image)
    high = overlay(image, low, threshold=0.1)
    assert (high[20, 20] != image[20, 20]).any()


def test_colour_scale_saturates_at_twice_the_threshold() -> None:
    colour, opacity = colours(np.array([0.0, 1.0, 2.0, 50.0]))
    assert opacity[0] == 0.0
    assert opacity[1] > 0.5
    assert (colour[2] == colour[3]).all()
