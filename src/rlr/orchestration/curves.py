"""Curves as Kubeflow takes them: finite, and few points."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rlr.gate.floors import PROTOCOL

POINTS = 200  # Kubeflow keeps them in a database and draws them in a small picture


def roc_readings(curves: Mapping[str, Any]) -> list[dict[str, float]]:
    """Return the ROC curve over the images of all classes, for ClassificationMetrics.

    A point whose threshold is infinite, as scikit-learn's first one, is left out: Kubeflow
    refuses it after the step has reported success.

    Args:
        curves: Contents of curves.json: {protocol: {per_class, pooled}}.

    Returns:
        At most 200 readings; none where the curve is undefined.
    """
    of_protocol: Mapping[str, Any] = curves.get(PROTOCOL) or next(iter(curves.values()), {})
    curve = of_protocol.get("pooled", {}).get("image_roc")
    if curve is None:
        return []
    rows = zip(
        curve["threshold"],
        curve["true_positive_rate"],
        curve["false_positive_rate"],
        strict=True,
    )
    finite = [
        row for row in rows if all(value is not None and math.isfinite(value) for value in row)
    ]
    names = ("confidenceThreshold", "recall", "falsePositiveRate")
    return [dict(zip(names, row, strict=True)) for row in _thinned(finite)]


def _thinned(rows: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Return evenly spaced rows, the first and the last among them."""
    if len(rows) <= POINTS:
        return list(rows)
    step = (len(rows) - 1) / (POINTS - 1)
    return [rows[round(place * step)] for place in range(POINTS)]
