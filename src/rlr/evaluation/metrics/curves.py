"""Curves over all thresholds, and the area below them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlr.evaluation.metrics.ranking import Ranking


@dataclass(frozen=True)
class Curve:
    """A line through P points in the order of falling thresholds; x never falls.

    Attributes:
        x: (P,), float64.
        y: (P,), float64.
        threshold: What a score must at least reach at each point (P,), float64, finite.
    """

    x: np.ndarray
    y: np.ndarray
    threshold: np.ndarray

    def up_to(self, limit: float) -> "Curve":
        """Return the part with x <= limit; the line is cut exactly there."""
        inside = int(np.searchsorted(self.x, limit, side="right"))
        if inside in (0, len(self.x)) or self.x[inside - 1] == limit:
            return self._at(np.arange(inside))
        share = (limit - self.x[inside - 1]) / (self.x[inside] - self.x[inside - 1])
        end = self.y[inside - 1] + share * (self.y[inside] - self.y[inside - 1])
        return Curve(
            np.append(self.x[:inside], limit),
            np.append(self.y[:inside], end),
            self.threshold[: inside + 1],
        )

    def area(self, limit: float = 1.0) -> float:
        """Return the area below the part with x <= limit, divided by the limit."""
        part = self.up_to(limit)
        return float(np.trapezoid(part.y, part.x)) / limit

    def thinned(self, points: int) -> "Curve":
        """Return at most `points` of the points, evenly along the line, with both ends."""
        if len(self.x) <= points:
            return self
        steps = np.abs(np.diff(self.x)) + np.abs(np.diff(self.y))
        way = np.concatenate([[0.0], np.cumsum(steps)])
        chosen = np.searchsorted(way, np.linspace(0.0, way[-1], points))
        return self._at(np.unique(chosen))

    def joined(self, other: "Curve") -> "Curve":
        """Return this line and one that begins where it ends."""
        return Curve(
            np.append(self.x, other.x[1:]),
            np.append(self.y, other.y[1:]),
            np.append(self.threshold, other.threshold[1:]),
        )

    def _at(self, places: np.ndarray) -> "Curve":
        return Curve(self.x[places], self.y[places], self.threshold[places])


def roc_curve(ranking: Ranking) -> Curve:
    """Return the true-positive rate over the false-positive rate, of a ranking or a part of one.

    Raises:
        ValueError: There are no positives or no negatives.
    """
    _require_both(ranking)
    positives = ranking.totals.positives
    start = ranking.start.true_positives / positives
    return _over_false_positives(ranking, start, ranking.true_positives / positives)


def pro_curve(ranking: Ranking) -> Curve:
    """Return the per-region overlap over the false-positive rate, of a ranking or a part of one.

    The overlap is the mean over all defect regions (8-connected) of the share of their pixels
    that is found, so that a small defect counts as much as a large one.

    Raises:
        ValueError: There are no positives or no negatives.

    Source: Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 129 (2021), section 5.
    """
    _require_both(ranking)
    return _over_false_positives(ranking, ranking.start.overlap, ranking.overlap)


def precision_recall_curve(ranking: Ranking) -> Curve:
    """Return precision over recall, drawn back from the first point to recall 0.

    Raises:
        ValueError: There are no positives or no negatives.
    """
    _require_both(ranking)
    start = ranking.start
    recall = ranking.true_positives / ranking.totals.positives
    precision = ranking.true_positives / (ranking.true_positives + ranking.false_positives)
    called = start.true_positives + start.false_positives
    before = start.true_positives / called if called else precision[0]
    return Curve(
        np.append(start.true_positives / ranking.totals.positives, recall),
        np.append(before, precision),
        np.append(start.threshold, ranking.thresholds).astype(np.float64),
    )


def _over_false_positives(ranking: Ranking, start: float, found: np.ndarray) -> Curve:
    """Two points a threshold: just above it, and at it. Between them lie only ties."""
    negatives = ranking.totals.negatives
    rates = np.stack([ranking.false_positives_above, ranking.false_positives], axis=1)
    before = np.append(start, found[:-1])
    above = np.nextafter(ranking.thresholds, ranking.thresholds.dtype.type(np.inf))
    steps = np.stack([above, ranking.thresholds], axis=1)
    ends = [(negatives, 1.0, ranking.totals.lowest)] if ranking.last else []
    return Curve(
        _between(ranking.start.false_positives, rates, [x for x, _, _ in ends]) / negatives,
        _between(start, np.stack([before, found], axis=1), [y for _, y, _ in ends]),
        _between(ranking.start.threshold, steps, [least for _, _, least in ends]),
    )


def _between(first: float, steps: np.ndarray, last: Sequence[float]) -> np.ndarray:
    return np.concatenate([[first], steps.ravel(), last]).astype(np.float64)


def _require_both(ranking: Ranking) -> None:
    totals = ranking.totals
    if not totals.defined:
        raise ValueError(
            f"a curve needs positives and negatives; there are {totals.positives} "
            f"and {totals.negatives}"
        )
