"""The tests themselves: exact under the null, and against slow or known versions of themselves."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import binom, ks_2samp

from rlr.monitoring.two_sample import (
    ENOUGH,
    exceedance,
    holm,
    sequential_p_value,
    stratified_ks,
    stratified_mmd,
)


def test_holm_against_its_definition() -> None:
    draws = np.random.default_rng(0)
    for _ in range(50):
        p_values = draws.uniform(0, 0.2, 6)
        for rate in (0.01, 0.05, 0.2):
            rejected, left = set(), 6
            for place in np.argsort(p_values):
                if p_values[place] > rate / left:
                    break
                rejected.add(int(place))
                left -= 1
            adjusted = holm(list(p_values))
            assert {place for place in range(6) if adjusted[place] <= rate} == rejected


def test_of_one_class_the_stratified_test_agrees_with_scipy() -> None:
    draws = np.random.default_rng(1)
    for shift in (0.0, 0.4, 0.8):
        new, old = draws.normal(shift, 1, 40), draws.normal(0, 1, 400)
        zeros = np.zeros(40, dtype=int), np.zeros(400, dtype=int)
        found = stratified_ks(new, zeros[0], old, zeros[1], 9999)
        wanted = ks_2samp(new, old).pvalue
        assert found.p_value == pytest.approx(wanted, rel=0.5, abs=0.05)


@pytest.mark.parametrize("kind", ["ks", "mmd"])
def test_p_values_are_uniform_under_any_mix_of_classes(kind: str) -> None:
    """Classes lie far apart, and their shares differ: only a test within classes stays honest."""
    rejected = 0
    trials = 200
    for seed in range(trials):
        draws = np.random.default_rng(seed)
        old_classes, new_classes = np.repeat([0, 1, 2], [60, 20, 10]), np.repeat([1, 2], [6, 24])
        old, new = (
            draws.normal(8.0 * classes[:, None], 1.0, (len(classes), 2))
            for classes in (old_classes, new_classes)
        )
        if kind == "ks":
            found = stratified_ks(new[:, 0], new_classes, old[:, 0], old_classes, 199)
        else:
            found = stratified_mmd(new, new_classes, old, old_classes, 199, seed)
        rejected += found.p_value <= 0.1
    low, high = binom.ppf([0.001, 0.999], trials, 0.1)
    assert low <= rejected <= high


def test_draws_stop_early_without_making_p_values_too_small() -> None:
    """Under the null hypothesis a draw reaches what was found with a uniform probability."""
    draws, made = np.random.default_rng(5), []

    def reached(chance: float) -> Iterator[np.ndarray]:
        for _ in range(20):
            made.append(1)
            yield draws.uniform(size=100) < chance

    found = np.array([sequential_p_value(reached(draws.uniform())) for _ in range(3000)])
    for level in (0.01, 0.02, 0.05, 0.2, 0.5):
        assert np.sum(found <= level) <= binom.ppf(0.999, len(found), level)
        assert np.sum(found <= level) >= binom.ppf(0.001, len(found), 0.9 * level)
    assert len(made) < 3000 * 6
    assert sequential_p_value([np.zeros(999, dtype=bool)]) == 1 / 1000
    assert sequential_p_value([np.zeros(100, dtype=bool), np.ones(900, dtype=bool)]) == (
        ENOUGH / (100 + ENOUGH)
    )


@pytest.mark.parametrize("kind", ["ks", "mmd"])
def test_a_shift_within_classes_is_found(kind: str) -> None:
    draws = np.random.default_rng(3)
    old_classes, new_classes = np.repeat([0, 1], [60, 60]), np.repeat([0, 1], [5, 35])
    old = draws.normal(8.0 * old_classes[:, None], 1.0, (120, 2))
    new = draws.normal(8.0 * new_classes[:, None] + 1.0, 1.0, (40, 2))
    if kind == "ks":
        found = stratified_ks(new[:, 0], new_classes, old[:, 0], old_classes, 999)
    else:
        found = stratified_mmd(new, new_classes, old, old_classes, 999, 0)
    assert found.p_value == 1 / 1000


def test_the_share_above_a_conformal_threshold_has_the_law_that_is_stated() -> None:
    """Simulated: thresholds are order statistics of as many normal scores."""
    draws = np.random.default_rng(4)
    sizes, found = [(30, 49, 2), (10, 19, 1)], []
    for _ in range(4000):
        above = 0
        for k, n, over in sizes:
            threshold = np.sort(draws.uniform(size=n))[n - 1 - over]
            above += int((draws.uniform(size=k) > threshold).sum())
        found.append(above)
    for count in (1, 3, 6, 10):
        share = float(np.mean(np.array(found) >= count))
        assert exceedance(count, sizes) == pytest.approx(share, abs=0.03)
    assert exceedance(0, sizes) == pytest.approx(1.0)
