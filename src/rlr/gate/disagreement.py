"""The images on which candidate and champion disagree most."""

import math
from typing import Any

import numpy as np
import pandas as pd

from rlr.evaluation.scored import ScoredSet

LEAST = float(np.finfo(np.float32).tiny)  # a score or a threshold of 0 has no logarithm


def disagreements(candidate: ScoredSet, champion: ScoredSet, count: int) -> list[dict[str, Any]]:
    """Return the images on which two models disagree most.

    Each score is taken in units of its model's threshold for the image, for scores of two models
    have no scale in common. Images that one model calls defective and the other normal come
    first; among them, and among the others, those whose scores are furthest apart as a ratio.

    Args:
        candidate: The test images with the candidate's scores.
        champion: The same images in the same order with the champion's.
        count: How many to return at most.

    Returns:
        One entry an image, as it stands in gate.json: `place` in the frames, `path`, `class`,
        `label`, `defective`, and of both models score, threshold, score in thresholds, decision.
    """
    ours, theirs = _units(candidate.frame), _units(champion.frame)
    apart = np.abs(np.log(ours) - np.log(theirs))
    frame = candidate.frame
    order = pd.DataFrame(
        {
            "differ": frame["is_anomalous"].to_numpy() != champion.frame["is_anomalous"].to_numpy(),
            "apart": apart,
            "path": frame["path"],
        }
    ).sort_values(["differ", "apart", "path"], ascending=[False, False, True])
    return [_entry(candidate, champion, int(place)) for place in order.index[:count]]


def _units(frame: pd.DataFrame) -> np.ndarray:
    """Return scores in thresholds (N,)."""
    scores = np.maximum(frame["image_score"].to_numpy(dtype=np.float64), LEAST)
    units: np.ndarray = scores / np.maximum(frame["threshold"].to_numpy(dtype=np.float64), LEAST)
    return units


def _entry(candidate: ScoredSet, champion: ScoredSet, place: int) -> dict[str, Any]:
    row = candidate.frame.iloc[place]
    return {
        "place": place,
        "path": str(row["path"]),
        "class": str(row["class"]),
        "label": str(row["label"]),
        "defective": bool(row["defective"]),
        "candidate": _said(candidate.frame.iloc[place]),
        "champion": _said(champion.frame.iloc[place]),
    }


def _said(row: "pd.Series[Any]") -> dict[str, Any]:
    score, threshold = float(row["image_score"]), float(row["threshold"])
    in_thresholds = max(score, LEAST) / max(threshold, LEAST)
    return {
        "score": score,
        "threshold": threshold,
        "in_thresholds": in_thresholds if math.isfinite(in_thresholds) else None,
        "is_anomalous": bool(row["is_anomalous"]),
    }
