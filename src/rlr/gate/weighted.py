"""The metrics of many weighted samples at once, from sums at T falling thresholds.

The definitions are those of `evaluation.metrics`. Between two thresholds the curves are straight,
which is exact where all scores there are tied, and within a bin's width where they are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Metrics = dict[str, np.ndarray]


@dataclass(frozen=True)
class Overlap:
    """Mean overlap of the defect regions at the thresholds (R, T), and the limits of AUPRO."""

    found: np.ndarray
    limits: Mapping[str, float]


@dataclass(frozen=True)
class Sums:
    """Weighted positives and negatives of R samples with a score of at least each threshold.

    Attributes:
        negatives: (R, T), rising along T to all negatives.
        positives: (R, T), likewise.
        single: Whether all scores between a threshold and the one before are tied (T,).
    """

    negatives: np.ndarray
    positives: np.ndarray
    single: np.ndarray

    def metrics(self, prefix: str, overlap: Overlap | None = None) -> Metrics:
        """Return AUROC, average precision and greatest F1, and AUPRO where an overlap is given."""
        negatives, positives = self.negatives[:, -1:], self.positives[:, -1:]
        alarms, gained = steps(self.negatives), steps(self.positives)
        rate = self.negatives / negatives
        found: Metrics = {}
        if overlap is not None:
            for name, limit in overlap.limits.items():
                found[name] = area(rate, overlap.found, limit)
        found[f"{prefix}_auroc"] = (alarms * (self.positives - gained / 2)).sum(axis=1) / (
            negatives * positives
        ).ravel()
        found[f"{prefix}_ap"] = self._average_precision(alarms, gained)
        f1 = self.positives / (self.positives + self.negatives + positives)
        found[f"{prefix}_f1max"] = 2 * f1.max(axis=1)
        return found

    def _average_precision(self, alarms: np.ndarray, gained: np.ndarray) -> np.ndarray:
        """Precision at each positive; among scores that are not tied, at the middle one."""
        half = np.where(self.single, 0.0, 0.5).astype(gained.dtype)
        middle = (gained - np.minimum(gained, 1)) * half
        hits = self.positives - middle
        called = hits + self.negatives - alarms * half
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        mean: np.ndarray = (gained * precision).sum(axis=1) / self.positives[:, -1]
        return mean


def steps(rising: np.ndarray) -> np.ndarray:
    """Return what each threshold adds to the one before (R, T)."""
    added = rising.copy()
    added[:, 1:] -= rising[:, :-1]
    return added


def area(x: np.ndarray, y: np.ndarray, limit: float = 1.0) -> np.ndarray:
    """Return the areas (R,) below lines from (0, 0) through P points up to x = limit.

    Args:
        x: (R, P), rising, and at the last point at least the limit.
        y: (R, P).
        limit: What the areas are divided by, too.
    """
    past = int((x.min(axis=0) < limit).sum()) + 1  # from there on all lie beyond
    x, y = x[:, :past], y[:, :past]
    width, height = steps(x), steps(y)
    part = steps(np.minimum(x, limit))
    share = np.divide(part, width, out=np.zeros_like(part), where=width > 0)
    below: np.ndarray = (part * (y - height * (1 - share / 2))).sum(axis=1) / limit
    return below
