"""One window of new images against the reference: a shifted normal, or more defects?

Two questions are kept apart. *More defects*: are more images above their thresholds than the
stated false-positive rate explains? *Normal shifted*: do the others, which are below, still
look like normal images? Scores, brightness, sharpness and features are compared on images below
the threshold alone, and features are those of the least anomalous part of each image, so that a
defect which was missed does not enter either. An image whose features are nowhere near those of
its class is no part with a defect, but something else.
"""

import numpy as np
from scipy.stats import binom

from rlr.config.monitor import MonitorConfig
from rlr.monitoring.battery import run_tests
from rlr.monitoring.observe import UNKNOWN, Observations
from rlr.monitoring.result import Kind, TestResult, WindowResult
from rlr.monitoring.samples import Baseline
from rlr.monitoring.words import defect_reason, shift_reasons


def compare(
    window: Observations, baseline: Baseline, settings: MonitorConfig, number: int = 1
) -> WindowResult:
    """Compare one window with the reference.

    Args:
        window: New images, at least one.
        baseline: What they are compared with.
        settings: Rate of false alarms, and the other rules.
        number: Place of the window, from 1; it seeds the draws, too.

    Returns:
        The verdict and every test.
    """
    known = window.class_of != UNKNOWN
    over = window.scores > baseline.limit(window.class_of)
    above = known & (window.defective | over)
    tests = run_tests(window, baseline, above, settings, number)
    new_classes = _new_classes(window)
    strange = int((known & (baseline.strangeness(window) > settings.far)).sum())
    kind, reasons = _verdict(tests, new_classes, strange, above[known], settings)
    first, last = window.images[0], window.images[-1]
    expected = next((test.reference for test in tests if test.measure == "defects"), None)
    return WindowResult(
        number=number,
        first=first.path,
        last=last.path,
        begins=first.captured_at,
        ends=last.captured_at,
        images=len(window),
        above=int(above.sum()),
        defect_share=float(above.sum() / max(int(known.sum()), 1)),
        expected_share=expected,
        new_classes=new_classes,
        strange=strange,
        kind=kind,
        reasons=reasons,
        tests=tests,
    )


def _new_classes(window: Observations) -> dict[str, int]:
    places = np.flatnonzero(window.class_of == UNKNOWN)
    names = [str(window.images[int(place)].class_name) for place in places]
    return {name: names.count(name) for name in sorted(set(names))}


def _verdict(
    tests: list[TestResult],
    new_classes: dict[str, int],
    strange: int,
    above: np.ndarray,
    settings: MonitorConfig,
) -> tuple[Kind, list[str]]:
    significant = [test for test in tests if test.significant]
    reasons = shift_reasons([test for test in significant if test.measure != "defects"])
    for name, count in new_classes.items():
        if count >= settings.least_images:
            reasons.append(f"{count} images of the class {name}, which the model does not know")
    if strange >= settings.least_images:
        reasons.append(f"{strange} images unlike all known classes")
    count, most = len(above), settings.greatest_defect_share
    # The least share that the count leaves possible is above what defects can be.
    if count and binom.sf(above.sum() - 1, count, most) <= settings.false_alarm_rate:
        reasons.append(f"{above.sum() / count:.0%} of the images above the threshold")
    if reasons:
        return "normal_shifted", reasons
    more = [test for test in significant if test.measure == "defects"]
    return ("more_defects", [defect_reason(more[0])]) if more else ("quiet", [])
