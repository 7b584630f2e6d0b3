"""All tests of one window, corrected for being many."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import ks_2samp

from rlr.config.monitor import MonitorConfig
from rlr.monitoring.observe import UNKNOWN, Observations
from rlr.monitoring.result import EVERYTHING, Measure, TestResult
from rlr.monitoring.samples import Baseline, Pair, Sample, compared
from rlr.monitoring.two_sample import Outcome, exceedance, holm, stratified_ks, stratified_mmd

DRAWS_A_TEST = 2.0  # so many times more draws than the smallest p value that can matter asks for


@dataclass(frozen=True)
class _Raw:
    """A test before the correction."""

    measure: Measure
    scope: str
    images: int
    outcome: Outcome
    new: float | None
    reference: float | None


def run_tests(
    window: Observations,
    baseline: Baseline,
    above: np.ndarray,
    settings: MonitorConfig,
    seed: int,
) -> list[TestResult]:
    """Run all tests of a window: over all classes, and for each that has enough images.

    Args:
        window: New images.
        baseline: What they are compared with.
        above: Whether an image is above its threshold or labelled as defective (N,), bool.
        settings: Rate of false alarms, and the other rules.
        seed: Seed of the draws.
    """
    known = window.class_of != UNKNOWN
    pairs = [_seen(pair) for pair in compared(window, baseline, known, above)]
    scopes = _scopes(window.class_of[known], settings.least_images)
    most = 1 + len(pairs) * len(scopes)
    draws = max(settings.permutations, int(DRAWS_A_TEST * most / settings.false_alarm_rate))
    names = baseline.reference.classes
    raw = []
    for scope in scopes:
        for pair in pairs:
            part = pair if scope is None else pair.of(scope)
            if len(part.new) >= settings.least_images and len(part.old) > 1:
                name = EVERYTHING if scope is None else names[scope]
                raw.append(_test(part, name, scope is None, draws, seed))
    defects = _defects(window.class_of[known], above[known], baseline)
    return _corrected([*raw, *defects], settings.false_alarm_rate)


def _scopes(classes: np.ndarray, least: int) -> list[int | None]:
    """Return what is tested: all classes together (None), and each with enough images."""
    names, counts = np.unique(classes, return_counts=True)
    enough: list[int | None] = [int(n) for n, k in zip(names, counts, strict=True) if k >= least]
    return enough if len(names) == 1 and enough else [None, *enough]


def _seen(pair: Pair) -> Pair:
    """Leave out new images of classes of which the reference has no such values."""
    kept = np.isin(pair.new.classes, pair.old.classes)
    return Pair(pair.measure, Sample(pair.new.values[kept], pair.new.classes[kept]), pair.old)


def _test(pair: Pair, name: str, pooled: bool, draws: int, seed: int) -> _Raw:
    new, old = pair.new, pair.old
    if pair.measure == "features":
        outcome = stratified_mmd(new.values, new.classes, old.values, old.classes, draws, seed)
        return _Raw(pair.measure, name, len(new), outcome, None, None)
    if pooled:
        outcome = stratified_ks(new.values, new.classes, old.values, old.classes, draws)
    else:
        found = ks_2samp(new.values, old.values)
        outcome = Outcome(float(found.statistic), float(found.pvalue))
    medians = float(np.median(new.values)), old.median_like(new)
    return _Raw(pair.measure, name, len(new), outcome, *medians)


def _defects(classes: np.ndarray, above: np.ndarray, baseline: Baseline) -> list[_Raw]:
    """Test the share above the thresholds; no test where no class has normal scores."""
    sizes, expected, counted = [], 0.0, 0
    for name in np.unique(classes):
        n, over = baseline.exceeding(int(name))
        k = int((classes == name).sum())
        if n:
            sizes.append((k, n, over))
            expected += k * (over + 1) / (n + 1)
            counted += int(above[classes == name].sum())
    tested = sum(k for k, _, _ in sizes)
    if not tested:
        return []
    outcome = Outcome(float(counted), exceedance(counted, sizes))
    return [_Raw("defects", EVERYTHING, tested, outcome, counted / tested, expected / tested)]


def _corrected(raw: list[_Raw], rate: float) -> list[TestResult]:
    adjusted = holm([test.outcome.p_value for test in raw])
    return [
        TestResult(
            measure=test.measure,
            scope=test.scope,
            images=test.images,
            statistic=test.outcome.statistic,
            p_value=test.outcome.p_value,
            adjusted=p_value,
            new=test.new,
            reference=test.reference,
            significant=p_value <= rate,
        )
        for test, p_value in zip(raw, adjusted, strict=True)
    ]
