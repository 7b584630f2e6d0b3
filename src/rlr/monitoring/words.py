"""Findings as sentences."""

from collections.abc import Sequence

from rlr.config.monitor import MonitorConfig
from rlr.monitoring.result import EVERYTHING, Kind, TestResult, WindowResult

LISTED = 3  # classes named in a sentence
MEASURES = {
    "score": "scores of images below the threshold",
    "brightness": "brightness",
    "sharpness": "sharpness",
    "features": "backbone features",
}


def shift_reasons(tests: Sequence[TestResult]) -> list[str]:
    """Say what has shifted: one part of a sentence a measure, with its classes.

    Args:
        tests: Significant tests of what is normal.
    """
    reasons = []
    for measure, words in MEASURES.items():
        own = [test for test in tests if test.measure == measure]
        if own:
            reasons.append(f"{words} of {_whose(own)}{_values(own[0])}")
    return reasons


def defect_reason(test: TestResult) -> str:
    """Say how the share of images above the threshold has grown."""
    return f"share above the threshold {test.reference:.1%} -> {test.new:.1%}"


def conclude(windows: Sequence[WindowResult], settings: MonitorConfig) -> tuple[Kind, str]:
    """Let the last windows vote.

    Args:
        windows: All windows, in order.
        settings: How many windows are looked at, and how many must agree.

    Returns:
        The verdict, and one sentence that names what it rests on.
    """
    last = windows[-settings.windows :]
    if not last:
        return "too_few_images", (
            f"Fewer than {settings.least_images} images (monitor.least_images): nothing to compare."
        )
    shifted = [window for window in last if window.kind == "normal_shifted"]
    more = [window for window in last if window.kind != "quiet"]
    of = f"of the last {len(last)} windows" if len(last) > 1 else "of the one window there is"
    if len(shifted) >= settings.agree:
        return "normal_shifted", f"Normal shifted in {len(shifted)} {of}: {_commonest(shifted)}."
    if shifted:
        return "quiet", (
            f"Normal shifted in {len(shifted)} {of}, but {settings.agree} must agree "
            f"(monitor.agree): {_commonest(shifted)}."
        )
    if len(more) >= settings.agree:
        return (
            "more_defects",
            f"More defects in {len(more)} {of} ({_commonest(more)}), normal unchanged.",
        )
    if more:
        return "quiet", (
            f"More defects in {len(more)} {of}, but {settings.agree} must agree (monitor.agree): "
            f"{_commonest(more)}; normal unchanged."
        )
    return "quiet", f"No shift in any {of}."


def _whose(tests: Sequence[TestResult]) -> str:
    names = [test.scope for test in tests if test.scope != EVERYTHING]
    if any(test.scope == EVERYTHING for test in tests) and not names:
        return "all classes together"
    more = f" and {len(names) - LISTED} more classes" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _values(test: TestResult) -> str:
    if test.new is None or test.reference is None:
        return ""
    return f" ({test.reference:.3g} -> {test.new:.3g})"


def _commonest(windows: Sequence[WindowResult]) -> str:
    """Return the reasons of the last window, and say of which measure they are in words."""
    return "; ".join(windows[-1].reasons)
