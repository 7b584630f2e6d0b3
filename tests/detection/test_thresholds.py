"""Thresholds: the conformal promise, the fallbacks, and that nothing is silent."""

import numpy as np
import pytest

from rlr.detection.thresholds import (
    attainable,
    calibrate,
    change_rate,
    clopper_pearson,
    conformal_quantile,
    decide_thresholds,
)


@pytest.mark.parametrize(
    ("n", "rate", "rank"),
    [(99, 0.01, 99), (199, 0.01, 198), (9, 0.1, 9), (20, 0.1, 19), (5, 0.5, 3)],
)
def test_rank_of_the_conformal_quantile(n: int, rate: float, rank: int) -> None:
    scores = np.random.default_rng(0).permutation(np.arange(1.0, n + 1))
    assert conformal_quantile(scores, rate) == rank


def test_too_few_scores_have_no_quantile() -> None:
    assert conformal_quantile(np.arange(98.0), 0.01) is None
    assert not attainable(98, 0.01)
    assert attainable(99, 0.01)
    assert conformal_quantile(np.zeros(0), 0.5) is None


def test_false_positive_rate_is_kept_on_average() -> None:
    """Over many draws a new normal exceeds the threshold with a share of a, or 1/(n+1) less."""
    draws = np.random.default_rng(7)
    n, rate, trials = 99, 0.05, 4000
    known = draws.standard_t(3, size=(trials, n))
    new = draws.standard_t(3, size=trials)
    above = np.array([new[i] > conformal_quantile(known[i], rate) for i in range(trials)])
    error = 3 * np.sqrt(rate * (1 - rate) / trials)
    assert rate - 1 / (n + 1) - error < above.mean() < rate + error


def test_clopper_pearson_equals_the_definition() -> None:
    from scipy.stats import binom

    low, high = clopper_pearson(3, 40, 0.95)
    assert binom.sf(2, 40, low) == pytest.approx(0.025)
    assert binom.cdf(3, 40, high) == pytest.approx(0.025)
    assert clopper_pearson(0, 10, 0.95)[0] == 0.0
    assert clopper_pearson(10, 10, 0.95)[1] == 1.0


def normal(n: int, location: float, scale: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(location, scale, n)


def test_enough_images_use_the_class_alone() -> None:
    scores = {"nut": normal(150, 1, 0.1, 0), "cap": normal(120, 5, 1, 1)}
    thresholds = decide_thresholds(["cap", "nut"], scores, 0.01)
    nut = thresholds.per_class["nut"]
    assert (nut.method, nut.attainable, nut.n, nut.note) == ("conformal", True, 150, "")
    assert nut.value == np.sort(scores["nut"])[149]
    assert thresholds.overall.n == 270


def test_few_images_pool_the_classes_after_calibration() -> None:
    """Classes on scales a hundred times apart: each threshold must stand on its own scale."""
    scores = {"a": normal(60, 1, 0.01, 0), "b": normal(60, 100, 10, 1)}
    thresholds = decide_thresholds(["a", "b"], scores, 0.01)
    for name, location, scale in (("a", 1, 0.01), ("b", 100, 10)):
        threshold = thresholds.per_class[name]
        assert threshold.method == "pooled"
        assert not threshold.attainable
        assert threshold.note == "not attainable from 60 images; pooled over all classes (n = 120)"
        assert location + 1.5 * scale < threshold.value < location + 4.5 * scale


def test_where_all_together_are_too_few_the_largest_is_taken_aloud() -> None:
    thresholds = decide_thresholds(["a", "b"], {"a": np.array([1.0, 2.0, 3.0])}, 0.01)
    assert thresholds.per_class["a"].method == "largest"
    assert thresholds.per_class["a"].note.startswith("not attainable from 3 images, nor from all 3")
    assert "rate of 0.250" in thresholds.per_class["a"].note
    assert thresholds.per_class["b"].class_n == 0
    assert thresholds.overall.method == "largest"
    assert not thresholds.overall.attainable


def test_cross_fitted_scores_are_taken_where_validation_is_short() -> None:
    validation = {"a": normal(10, 1, 1, 0), "b": normal(200, 1, 1, 1)}
    fitted = {"a": normal(120, 1, 1, 2), "b": normal(500, 1, 1, 3)}
    thresholds = decide_thresholds(["a", "b"], validation, 0.01, fitted)
    assert thresholds.per_class["a"].method == "cross_fit"
    assert thresholds.per_class["a"].n == 120
    assert thresholds.per_class["b"].method == "conformal"
    assert thresholds.per_class["b"].n == 200


def test_scores_of_images_that_were_trained_on_bound_nothing() -> None:
    fitted = {"a": normal(120, 1, 0.1, 0), "b": normal(6, 1, 0.1, 1)}
    validation = {"c": normal(120, 1, 0.1, 2)}
    found = decide_thresholds(["a", "b", "c"], validation, 0.01, fitted, "training")
    assert found.scored_by == {"a": "training", "b": "training", "c": "conformal"}
    for thresholds in (found, change_rate(found, 0.05)):
        for name, method in (("a", "training"), ("b", "pooled")):
            own = thresholds.per_class[name]
            assert (own.method, own.attainable) == (method, False)
            assert "the networks have seen: it bounds no rate" in own.note
        assert thresholds.per_class["c"].attainable
        assert thresholds.per_class["c"].note == ""
        assert not thresholds.overall.attainable


def test_rate_can_be_changed_later() -> None:
    scores = {"a": normal(150, 1, 0.1, 0), "b": normal(20, 5, 1, 1)}
    once = decide_thresholds(["a", "b"], scores, 0.2)
    later = change_rate(decide_thresholds(["a", "b"], scores, 0.01), 0.2)
    assert later == once


def test_calibration_of_tiny_and_empty_classes_borrows() -> None:
    calibration = calibrate({"a": normal(50, 1, 0.1, 0), "b": np.array([7.0]), "c": np.zeros(0)})
    assert calibration["b"].location == 7.0
    assert calibration["b"].scale == calibration["c"].scale > 0


def test_no_normal_score_at_all_is_an_error() -> None:
    with pytest.raises(ValueError, match="no score"):
        decide_thresholds(["a"], {}, 0.01)
