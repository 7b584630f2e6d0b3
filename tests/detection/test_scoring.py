"""Anomaly maps, smoothing and heat maps."""

import math

import numpy as np
import pytest
import torch

from rlr.detection.heatmap import colours, overlay
from rlr.detection.scoring import Scorer, anomaly_map, image_scores, smooth
from rlr.detection.spec import Fusion, ScoringSpec
from rlr.model import token_score

PUBLISHED = ScoringSpec(
    squared=1.0,
    cosine=1.0,
    level_weights=None,
    fusion="mean",
    smoothing_sigma=4.0,
    image_score="max",
    top_share=1.0,
    calibration=None,
)


def test_levels_are_stretched_corner_to_corner_and_averaged() -> None:
    coarse = torch.tensor([[0.0, 1.0, 2.0, 3.0]])  # a 2x2 grid
    flat = torch.full((1, 12), 5.0)  # a 3x4 grid
    found = anomaly_map([coarse, flat], [(2, 2), (3, 4)], (5, 9))
    rows, columns = np.linspace(0, 1, 5)[:, None], np.linspace(0, 1, 9)[None, :]
    np.testing.assert_allclose(found[0].numpy(), (2 * rows + columns + 5) / 2, atol=1e-6)


def test_the_published_score_is_the_loss_of_a_token_bit_for_bit() -> None:
    draws = torch.Generator().manual_seed(0)
    output, features = torch.randn(2, 3, 50, 24, generator=draws)
    (found,) = Scorer(PUBLISHED, [], (8, 8)).score_tokens([output], [features])
    assert torch.equal(found, token_score(output, features))


def test_both_terms_of_the_score_have_weights() -> None:
    output, features = torch.tensor([[[3.0, 0.0]]]), torch.tensor([[[0.0, 4.0]]])
    assert token_score(output, features, 1.0, 0.0).item() == (9 + 16) / 2
    assert token_score(output, features, 0.0, 1.0).item() == 1.0
    assert token_score(output, features, 2.0, 3.0).item() == 2 * 12.5 + 3


@pytest.mark.parametrize(
    ("fusion", "weights", "expected"),
    [
        ("mean", None, 5.0),
        ("mean", [3.0, 1.0], 3.5),
        ("mean", [0.0, 2.0], 8.0),
        ("geometric", None, 4.0),
        ("geometric", [3.0, 1.0], math.sqrt(8.0)),
        ("max", None, 8.0),
        ("max", [9.0, 1.0], 2.0 * 1.8),
    ],
)
def test_levels_become_one_map(
    fusion: Fusion, weights: list[float] | None, expected: float
) -> None:
    scores = [torch.full((1, 4), 2.0), torch.full((1, 9), 8.0)]
    found = anomaly_map(scores, [(2, 2), (3, 3)], (6, 6), weights, fusion)
    torch.testing.assert_close(found, torch.full((1, 6, 6), expected))


def test_image_score_may_be_the_mean_of_the_top_share() -> None:
    maps = np.arange(200, dtype=np.float32).reshape(2, 10, 10)
    assert image_scores(maps, 0.04).tolist() == [97.5, 197.5]
    assert image_scores(maps, 0.001).tolist() == [99.0, 199.0]  # one pixel at least
    assert image_scores(maps, 1.0).tolist() == [49.5, 149.5]


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
