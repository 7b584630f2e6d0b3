"""Windows of new images: quiet at the stated rate, and each kind of drift called by its name."""

import numpy as np
import pytest
from monitoring.conftest import Bench, join
from scipy.stats import binom

from rlr.config.monitor import MonitorConfig
from rlr.monitoring.compare import compare
from rlr.monitoring.result import WindowResult

RULES = MonitorConfig(window=60, false_alarm_rate=0.05, permutations=499)
TRIALS = 100


def verdicts(bench: Bench, windows: int, size: int = 60, **others: float) -> list[WindowResult]:
    return [
        compare(bench.window(size, seed, **others), bench.baseline, RULES, seed + 1)
        for seed in range(windows)
    ]


def test_without_drift_it_is_quiet_at_the_stated_rate(bench: Bench) -> None:
    """Reference and window are drawn anew each time: the binomial bound is of 99 %."""
    found = [compare(*bench.split(40, seed), RULES, seed + 1) for seed in range(TRIALS)]
    alarms = sum(result.kind != "quiet" for result in found)
    assert alarms <= binom.ppf(0.99, TRIALS, RULES.false_alarm_rate)
    # Tests that could never reject would be as quiet.
    p_values = np.array([min(test.p_value for test in result.tests) for result in found])
    assert np.mean(p_values < 0.1) > 0.2


def test_another_mix_of_classes_is_no_drift(bench: Bench) -> None:
    """Of one class there are nine times as many as of the other; alike only within classes."""
    alarms = 0
    for seed in range(40):
        window, baseline = bench.split(100, seed)
        many, few = (np.flatnonzero(window.class_of == place) for place in (0, 1))
        mixed = window.at([*many[:36], *few[:4]])
        alarms += compare(mixed, baseline, RULES, seed + 1).kind == "normal_shifted"
    assert alarms <= binom.ppf(0.99, 40, RULES.false_alarm_rate)


@pytest.mark.parametrize(
    ("pool", "measure"),
    [("light", "brightness"), ("blur", "sharpness"), ("background", "features")],
)
def test_another_light_blur_and_background_trigger(bench: Bench, pool: str, measure: str) -> None:
    for result in verdicts(bench, 3, **{pool: 1.0}):
        assert result.kind == "normal_shifted"
        assert measure in {test.measure for test in result.tests if test.significant}


def test_a_class_that_the_model_does_not_know_triggers(bench: Bench) -> None:
    (result,) = verdicts(bench, 1, new_class=0.3)
    assert result.kind == "normal_shifted"
    assert result.new_classes == {"checks": 18}
    assert "18 images of the class checks" in "; ".join(result.reasons)


def test_a_new_class_triggers_where_nobody_names_the_classes(bench: Bench) -> None:
    for result in verdicts(bench, 3, unnamed_new_class=0.3):
        assert result.kind == "normal_shifted"
        assert result.strange == 18
        assert "18 images unlike all known classes" in "; ".join(result.reasons)


def test_a_rise_in_defects_alone_is_told_from_a_shift(bench: Bench) -> None:
    kinds = [result.kind for result in verdicts(bench, 10, defects=0.3)]
    assert kinds.count("more_defects") >= 9
    (result,) = verdicts(bench, 1, defects=0.3)
    assert result.reasons == [
        f"share above the threshold {result.expected_share:.1%} -> {result.defect_share:.1%}"
    ]
    assert result.defect_share >= 0.3


def test_a_shift_is_found_among_defects(bench: Bench) -> None:
    for result in verdicts(bench, 3, light=0.7, defects=0.3):
        assert result.kind == "normal_shifted"


def test_where_most_images_are_above_the_threshold_it_cannot_be_defects(bench: Bench) -> None:
    only = bench.pools["defects"].at(range(40))
    result = compare(only, bench.baseline, RULES)
    assert result.kind == "normal_shifted"
    assert result.reasons[-1] == "100% of the images above the threshold"


def test_labelled_defects_do_not_testify_about_the_normal(bench: Bench) -> None:
    """The same shifted images, once labelled as defective: nobody asks them any more."""
    shifted = bench.pools["background"].at(range(15))
    normal = bench.window(45)
    marked = join([normal, shifted])
    marked.defective[45:] = True
    assert compare(join([normal, shifted]), bench.baseline, RULES).kind == "normal_shifted"
    assert compare(marked, bench.baseline, RULES).kind == "more_defects"


def test_the_same_window_gets_the_same_verdict(bench: Bench) -> None:
    window = bench.window(60, defects=0.1)
    one, other = (compare(window, bench.baseline, RULES, 5) for _ in range(2))
    assert one == other
