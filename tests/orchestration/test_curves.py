import math
from typing import Any

from rlr.orchestration.curves import roc_readings


def _curves(thresholds: list[float | None]) -> dict[str, Any]:
    steps = [index / max(len(thresholds) - 1, 1) for index in range(len(thresholds))]
    roc = {"false_positive_rate": steps, "true_positive_rate": steps, "threshold": thresholds}
    return {"default": {"per_class": {}, "pooled": {"image_roc": roc}}}


def test_points_without_a_finite_threshold_are_left_out() -> None:
    readings = roc_readings(_curves([math.inf, None, 0.5, math.nan, 0.1]))
    assert [reading["confidenceThreshold"] for reading in readings] == [0.5, 0.1]
    assert readings[1] == {
        "confidenceThreshold": 0.1,
        "recall": 1.0,
        "falsePositiveRate": 1.0,
    }


def test_a_long_curve_keeps_its_ends() -> None:
    readings = roc_readings(_curves([float(index) for index in range(1000)]))
    assert len(readings) == 200
    assert readings[0]["confidenceThreshold"] == 0.0
    assert readings[-1]["confidenceThreshold"] == 999.0
    assert len({reading["confidenceThreshold"] for reading in readings}) == 200


def test_an_undefined_curve_is_empty() -> None:
    assert roc_readings({"default": {"pooled": {"image_roc": None}}}) == []
    assert roc_readings({}) == []


def test_without_the_default_protocol_another_is_shown() -> None:
    assert len(roc_readings({"published": _curves([0.5])["default"]})) == 1
