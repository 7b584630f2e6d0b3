"""Which images look least normal: scores by the champion, and the share that is held back."""

import math
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from rlr.detection.detector import Detector
from rlr.detection.files import predict_files
from rlr.foundation.progress import track
from rlr.training.team import Team

ROUNDING = 1e-9  # 0.07 * 100 is a little more than 7


def hold_back(
    classes: Sequence[str], scores: np.ndarray, share: float, known: Collection[str]
) -> np.ndarray:
    """Return which images are held back for review.

    Args:
        classes: Class of each image.
        scores: Image scores, (N,), float64; NaN: none could be made.
        share: Share of each class, 0 to 1, rounded up; images that score alike stay together.
        known: Classes that the champion knows; others are held back whole.

    Returns:
        (N,) bool, false where there is no score: that image is neither held back nor used.

    Example:
        >>> hold_back(["a"] * 4, np.array([1.0, 4.0, 2.0, 3.0]), 0.25, ["a"]).tolist()
        [False, True, False, False]
    """
    names = np.asarray(classes)
    held = np.zeros(len(names), dtype=bool)
    scored = ~np.isnan(scores)
    for name in np.unique(names):
        mine = np.flatnonzero((names == name) & scored)
        count = math.ceil(share * len(mine) - ROUNDING) if name in known else len(mine)
        if count:
            limit = np.sort(scores[mine])[-count]
            held[mine] = scores[mine] >= limit
    return held


def score_files(detector: Detector, paths: Sequence[Path], team: Team) -> np.ndarray:
    """Score images of which some may be damaged.

    Args:
        detector: The detector.
        paths: Image files.
        team: The processes that share out the work; the batches are the same whatever their
            number, so that the scores are.

    Returns:
        (N,) float64; NaN: the image cannot be decoded; 0: another process scores it.
    """
    scores = np.zeros(len(paths))
    starts = range(0, len(paths), detector.batch_size)
    for start in track(team.share(starts), "Scoring unjudged images"):
        batch = paths[start : start + detector.batch_size]
        scores[start : start + len(batch)] = [
            prediction.image_score if prediction else math.nan
            for prediction in predict_files(detector, batch)
        ]
    return scores
