"""Each metric against a slow, obvious, independent version of itself, and against the oracles."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from rlr.evaluation.metrics import (
    Sweep,
    aupro,
    image_metrics,
    pixel_metrics,
    rank_images,
    rank_pixels,
)

LIMITS = (0.05, 0.3, 1.0)


def thresholds_of(scores: np.ndarray) -> list[float]:
    return sorted({float(value) for value in scores}, reverse=True)


def sweep(truth: np.ndarray, scores: np.ndarray) -> list[tuple[int, int]]:
    """Return (true positives, false positives) at every distinct threshold, and at none."""
    found = [(0, 0)]
    for threshold in thresholds_of(scores):
        called = scores >= threshold
        found.append((int((called & truth).sum()), int((called & ~truth).sum())))
    return found


def slow_auroc(truth: np.ndarray, scores: np.ndarray) -> float:
    """Share of pairs (positive, negative) in the right order; a tie is half a pair."""
    positive, negative = scores[truth][:, None], scores[~truth][None, :]
    return float((positive > negative).mean() + 0.5 * (positive == negative).mean())


def slow_average_precision(truth: np.ndarray, scores: np.ndarray) -> float:
    total, last = 0.0, 0
    for hits, alarms in sweep(truth, scores)[1:]:
        total += (hits - last) / truth.sum() * hits / (hits + alarms)
        last = hits
    return total


def slow_f1_max(truth: np.ndarray, scores: np.ndarray) -> float:
    best = 0.0
    for hits, alarms in sweep(truth, scores)[1:]:
        best = max(best, 2 * hits / (2 * hits + alarms + truth.sum() - hits))
    return best


def slow_aupro(masks: list[np.ndarray], maps: list[np.ndarray], limit: float) -> float:
    """Walk the curve threshold by threshold and add trapezoids up to the limit."""
    regions = []
    for index, mask in enumerate(masks):
        labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
        regions += [(index, labels == number) for number in range(1, count + 1)]
    negatives = np.concatenate([one[mask == 0] for mask, one in zip(masks, maps, strict=True)])
    everything = np.concatenate([one.ravel() for one in maps])
    area, x, y = 0.0, 0.0, 0.0
    for threshold in thresholds_of(everything):
        new_x = float((negatives >= threshold).mean())
        new_y = float(np.mean([(maps[i][region] >= threshold).mean() for i, region in regions]))
        if new_x > limit:
            end = y + (new_y - y) * (limit - x) / (new_x - x)
            return (area + (limit - x) * (y + end) / 2) / limit
        area += (new_x - x) * (y + new_y) / 2
        x, y = new_x, new_y
    return area / limit


def draw_case(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Draw masks and maps of mixed sizes; which kind of scores depends on the seed."""
    rng = np.random.default_rng(seed)
    masks, maps = [], []
    for _ in range(rng.integers(2, 6)):
        shape = tuple(rng.integers(3, 14, size=2))
        mask = rng.random(shape) < rng.choice([0.0, 0.05, 0.3])
        scores = rng.standard_normal(shape) + mask * rng.choice([-1.0, 0.5, 2.0])
        if seed % 4 == 1:
            scores = np.round(scores)  # many ties
        if seed % 4 == 2:
            scores = np.exp(4 * scores)  # a heavy tail
        if seed % 4 == 3:
            scores = np.round(2 * scores) / 2 - 100.0  # ties below zero
        masks.append(mask.astype(np.uint8) * rng.choice([1, 255]))
        maps.append(scores.astype(np.float32))
    masks[0][0, 0], masks[0][-1, -1] = 1, 0  # both kinds are there
    return masks, maps


def flat(masks: list[np.ndarray], maps: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    truth = np.concatenate([mask.ravel() for mask in masks]) > 0
    return truth, np.concatenate([one.ravel() for one in maps])


@pytest.mark.parametrize("seed", range(24))
def test_pixel_metrics_agree_with_obvious_versions(seed: int) -> None:
    masks, maps = draw_case(seed)
    truth, scores = flat(masks, maps)
    measured = pixel_metrics(masks, maps)
    assert measured["pixel_auroc"] == pytest.approx(slow_auroc(truth, scores), abs=1e-12)
    assert measured["pixel_ap"] == pytest.approx(slow_average_precision(truth, scores), abs=1e-12)
    assert measured["pixel_f1max"] == pytest.approx(slow_f1_max(truth, scores), abs=1e-12)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("limit", LIMITS)
def test_aupro_agrees_with_an_obvious_version(seed: int, limit: float) -> None:
    masks, maps = draw_case(seed)
    assert aupro(masks, maps, limit) == pytest.approx(slow_aupro(masks, maps, limit), abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_metrics_agree_with_scikit_learn(seed: int) -> None:
    truth, scores = flat(*draw_case(seed))
    precision, recall, _ = precision_recall_curve(truth, scores)
    with np.errstate(invalid="ignore"):
        f1 = np.nan_to_num(2 * precision * recall / (precision + recall))
    measured = image_metrics(truth.astype(int), scores)
    assert measured == {
        "image_auroc": pytest.approx(roc_auc_score(truth, scores), abs=1e-12),
        "image_ap": pytest.approx(average_precision_score(truth, scores), abs=1e-12),
        "image_f1max": pytest.approx(f1.max(), abs=1e-12),
    }


def test_all_cases_of_the_golden_numbers(shared: Path) -> None:
    golden = shared / "golden"
    reference = json.loads((golden / "metrics_reference.json").read_text())
    with np.load(golden / "metrics_reference.npz") as arrays:
        for case, expected in reference.items():
            masks, maps = arrays[f"{case}.masks"], arrays[f"{case}.scores"]
            measured = {
                **Sweep.over(rank_pixels(masks, maps), [0.30, 0.05]).values("pixel"),
                **image_metrics(masks.any(axis=(1, 2)).astype(int), maps.max(axis=(1, 2))),
            }
            assert measured == pytest.approx(expected, abs=1e-6), case


def test_metrics_are_undefined_without_both_kinds() -> None:
    maps = np.ones((2, 4, 4), dtype=np.float32)
    for masks in (np.zeros((2, 4, 4)), np.ones((2, 4, 4))):
        assert set(pixel_metrics(masks, maps).values()) == {None}
        assert aupro(masks, maps) is None
    for labels in (np.zeros(3), np.ones(3)):
        assert set(image_metrics(labels, np.arange(3.0)).values()) == {None}
    assert set(image_metrics(np.empty(0), np.empty(0)).values()) == {None}


def test_every_region_weighs_the_same() -> None:
    mask = np.zeros((10, 10))
    mask[0, 0] = 1  # one pixel, found first
    mask[5:9, 2:8] = 1  # twenty-four, found last
    scores = np.full((10, 10), 5.0)
    scores[0, 0], scores[5:9, 2:8] = 9.0, 1.0
    assert aupro([mask], [scores]) == pytest.approx(0.5)


def test_diagonal_pixels_are_one_region() -> None:
    mask = np.eye(4)
    scores = np.zeros((4, 4))
    scores[0, 0] = 3.0
    alone = np.zeros((1, 6))
    alone[0, 0] = 1
    # Region 1: a quarter is found before any false positive. Region 2: all of it.
    value = aupro([mask, alone], [scores, alone * 2.0], limit=1e-9)
    assert value == pytest.approx((0.25 + 1.0) / 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (1, 1)])
def test_scores_that_are_not_finite_are_named(bad: float, place: tuple[int, int]) -> None:
    masks = np.zeros((3, 4, 4))
    masks[:, 0, 0] = 1
    maps = np.random.default_rng(0).random((3, 4, 4)).astype(np.float32)
    maps[1][place] = bad
    for measure in (pixel_metrics, aupro):
        with pytest.raises(ValueError, match="map 1: 1 of 16 values are NaN or infinite"):
            measure(masks, maps)
    with pytest.raises(ValueError, match="scores: 1 of 2 values are NaN or infinite"):
        image_metrics(np.array([0, 1]), np.array([0.0, bad]))


def test_arguments_that_do_not_fit_are_refused() -> None:
    square, oblong = np.zeros((4, 4)), np.zeros((4, 5))
    with pytest.raises(ValueError, match=r"map 0 is of shape \(4, 5\) and its mask of \(4, 4\)"):
        pixel_metrics([square], [oblong])
    with pytest.raises(ValueError, match="2 masks and 1 maps"):
        pixel_metrics([square, square], [square])
    with pytest.raises(ValueError, match="labels other than"):
        image_metrics(np.array([0, 2]), np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="shape"):
        image_metrics(np.array([0, 1]), np.array([0.0]))
    for limit in (0.0, 1.1):
        with pytest.raises(ValueError, match="no false-positive rate"):
            aupro([np.eye(3)], [np.eye(3)], limit)


def test_whole_numbers_are_scores_too() -> None:
    assert image_metrics(np.array([0, 1]), np.array([3, 7]))["image_auroc"] == 1.0
    assert rank_images(np.array([0, 1]), np.array([3, 7])).totals.highest == 7.0
