"""The metrics of many weighted samples at once, from sums at T falling thresholds.

The definitions are those of `evaluation.metrics`. Between two thresholds the curves are straight,
which is exact where all scores there are tied, and within a bin's width where they are not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

Metrics = dict[str, np.ndarray]


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

    @property
    def false_positive_rate(self) -> np.ndarray:
        """Share of the negatives (R, T + 1), from 0 to 1."""
        return _from_zero(self.negatives / self.negatives[:, -1:])

    def metrics(self, prefix: str) -> Metrics:
        """Return AUROC, average precision and greatest F1, each (R,)."""
        found = _from_zero(self.positives / self.positives[:, -1:])
        values = (
            area(self.false_positive_rate, found),
            self._average_precision(),
            self._greatest_f1(),
        )
        names = (f"{prefix}_{name}" for name in ("auroc", "ap", "f1max"))
        return dict(zip(names, values, strict=True))

    def _average_precision(self) -> np.ndarray:
        """Precision at each positive; among scores that are not tied, at the middle one."""
        gained = np.diff(self.positives, prepend=0)
        alarms = np.diff(self.negatives, prepend=0)
        hits = self.positives - np.where(self.single, 0, (gained - np.minimum(gained, 1)) / 2)
        called = hits + self.negatives - np.where(self.single, 0, alarms / 2)
        precision = np.divide(hits, called, out=np.zeros_like(hits), where=called > 0)
        mean: np.ndarray = (gained * precision).sum(axis=1) / self.positives[:, -1]
        return mean

    def _greatest_f1(self) -> np.ndarray:
        called = self.positives + self.negatives
        best: np.ndarray = (2 * self.positives / (called + self.positives[:, -1:])).max(axis=1)
        return best


def aupro_metrics(sums: Sums, overlap: np.ndarray, limits: Mapping[str, float]) -> Metrics:
    """Return AUPRO to each limit (R,), from the mean overlap at the thresholds (R, T)."""
    rate, found = sums.false_positive_rate, _from_zero(overlap)
    return {name: area(rate, found, limit) for name, limit in limits.items()}


def area(x: np.ndarray, y: np.ndarray, limit: float = 1.0) -> np.ndarray:
    """Return the areas (R,) below lines (R, P) up to x = limit, divided by the limit."""
    width = np.diff(x)
    part = np.diff(np.minimum(x, limit))
    share = np.divide(part, width, out=np.zeros_like(part), where=width > 0)
    height = y[:, :-1] + np.diff(y) * share / 2
    below: np.ndarray = (part * height).sum(axis=1) / limit
    return below


def _from_zero(values: np.ndarray) -> np.ndarray:
    start = np.zeros((len(values), 1), values.dtype)
    return np.concatenate([start, values], axis=1)
