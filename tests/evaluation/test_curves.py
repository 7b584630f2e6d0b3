"""Curves: finite, thinned without losing their shape, true at each of their thresholds."""

import numpy as np
import pytest

from rlr.evaluation.metrics import (
    Curve,
    Ranking,
    precision_recall_curve,
    pro_curve,
    rank_images,
    rank_pixels,
    roc_curve,
)


@pytest.fixture(params=["continuous", "ties", "constant"])
def drawn(request: pytest.FixtureRequest) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    labels = rng.integers(0, 2, 400)
    scores = (rng.standard_normal(400) + labels).astype(np.float32)
    if request.param == "ties":
        scores = np.round(scores)
    if request.param == "constant":
        scores[:] = 2.0
    return labels, scores


@pytest.fixture
def ranking(drawn: tuple[np.ndarray, np.ndarray]) -> Ranking:
    return rank_images(*drawn)


def test_each_point_is_what_its_threshold_gives(
    drawn: tuple[np.ndarray, np.ndarray], ranking: Ranking
) -> None:
    labels, scores = drawn
    roc, recall = roc_curve(ranking), precision_recall_curve(ranking)
    for x, y, threshold in zip(roc.x, roc.y, roc.threshold, strict=True):
        called = scores >= threshold
        assert (x, y) == pytest.approx((called[labels == 0].mean(), called[labels == 1].mean()))
    for x, y, threshold in list(zip(recall.x, recall.y, recall.threshold, strict=True))[1:]:
        called = scores >= threshold
        assert (x, y) == pytest.approx((called[labels == 1].mean(), labels[called].mean()))


def test_curves_are_finite_and_rise(ranking: Ranking) -> None:
    for curve in (roc_curve(ranking), precision_recall_curve(ranking), pro_curve(ranking)):
        for values in (curve.x, curve.y, curve.threshold):
            assert np.isfinite(values).all()
            assert len(values) == len(curve.x)
        assert (np.diff(curve.x) >= 0).all()
    roc = roc_curve(ranking)
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0.0, 0.0, 1.0, 1.0)


def test_thinning_keeps_ends_and_area() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 20_000)
    curve = roc_curve(rank_images(labels, rng.standard_normal(20_000) + labels))
    thin = curve.thinned(200)
    assert len(thin.x) <= 200
    assert (thin.x[0], thin.y[0], thin.x[-1], thin.y[-1]) == (0.0, 0.0, 1.0, 1.0)
    assert thin.area() == pytest.approx(curve.area(), abs=1e-3)
    assert set(zip(thin.x, thin.y, strict=True)) <= set(zip(curve.x, curve.y, strict=True))


def test_a_short_curve_is_left_alone(ranking: Ranking) -> None:
    curve = roc_curve(ranking)
    assert curve.thinned(len(curve.x)) is curve


def test_a_curve_is_cut_exactly_at_the_limit() -> None:
    curve = Curve(np.array([0.0, 0.2, 1.0]), np.array([0.0, 0.4, 0.8]), np.array([3.0, 2.0, 1.0]))
    part = curve.up_to(0.6)
    assert part.x.tolist() == pytest.approx([0.0, 0.2, 0.6])
    assert part.y.tolist() == pytest.approx([0.0, 0.4, 0.6])
    assert curve.up_to(0.2).x.tolist() == [0.0, 0.2]
    assert curve.area(0.6) == pytest.approx((0.2 * 0.4 / 2 + 0.4 * 0.5) / 0.6)


def test_an_undefined_curve_is_refused() -> None:
    [nothing] = rank_pixels(np.zeros((1, 3, 3)), np.ones((1, 3, 3)))
    for draw in (roc_curve, precision_recall_curve, pro_curve):
        with pytest.raises(ValueError, match="positives and negatives"):
            draw(nothing)
