"""What the thresholds do: counted, with exact intervals, and by the threshold that applies."""

import pandas as pd
import pytest
from scipy.stats import binom

from rlr.evaluation.decisions import EVERY_CLASS, UNKNOWN_CLASS, Share, judge_decisions


def frame() -> pd.DataFrame:
    rows = [
        ("plate", False, 0.5),
        ("plate", False, 0.7),  # false alarm, but not by the overall threshold of 0.9
        ("plate", True, 0.95),
        ("plate", True, 0.3),
        ("newcomer", False, 0.7),  # unknown to the detector: judged by 0.9
        ("newcomer", True, 0.92),
    ]
    table = pd.DataFrame(rows, columns=["class", "defective", "image_score"])
    threshold = table["class"].map({"plate": 0.6, "newcomer": 0.9})
    return table.assign(is_anomalous=table["image_score"] > threshold)


def test_counts(stand_in) -> None:
    decisions = {one.name: one for one in judge_decisions(stand_in, frame(), 0.95)}
    assert list(decisions) == ["newcomer", "plate", EVERY_CLASS, UNKNOWN_CLASS]
    counts = {
        name: (one.false_alarms.count, one.false_alarms.n, one.found.count, one.found.n)
        for name, one in decisions.items()
    }
    assert counts["plate"] == (1, 2, 1, 2)
    assert counts["newcomer"] == (0, 1, 1, 1)
    assert counts[EVERY_CLASS] == (1, 3, 2, 3)
    assert counts[UNKNOWN_CLASS] == (0, 3, 2, 3)
    assert decisions["newcomer"].threshold.value == 0.9
    assert decisions[EVERY_CLASS].threshold is None
    assert {one.target_rate for one in decisions.values()} == {0.05}


def test_an_interval_is_exact() -> None:
    """At each end, what was seen has just half of the error left as its probability."""
    share = Share.of(pd.Series([True] * 3 + [False] * 37), 0.95)
    assert share.rate == 3 / 40
    assert binom.sf(2, 40, share.low) == pytest.approx(0.025)
    assert binom.cdf(3, 40, share.high) == pytest.approx(0.025)


def test_a_share_of_nothing_is_undefined() -> None:
    share = Share.of(pd.Series([], dtype=bool), 0.95)
    assert (share.n, share.rate, share.low, share.high) == (0, None, None, None)


def test_as_a_document(stand_in) -> None:
    one = judge_decisions(stand_in, frame(), 0.95)[1]
    document = one.as_dict()
    assert document["threshold"]["value"] == 0.6
    assert document["false_alarms"]["count"] == 1
