"""Curves over all thresholds, and the area below them."""

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
        if inside == len(self.x) or self.x[inside - 1] == limit:
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

    def _at(self, places: np.ndarray) -> "Curve":
        return Curve(self.x[places], self.y[places], self.threshold[places])


def roc_curve(ranking: Ranking) -> Curve:
    """Return the true-positive rate over the false-positive rate.

    Raises:
        ValueError: There are no positives or no negatives.
    """
    return _over_false_positives(ranking, ranking.true_positives / max(ranking.positives, 1))


def pro_curve(ranking: Ranking) -> Curve:
    """Return the per-region overlap over the false-positive rate.

    The overlap is the mean over all defect regions (8-connected) of the share of their pixels
    that is found, so that a small defect counts as much as a large one.

    Raises:
        ValueError: There are no positives or no negatives.

    Source: Bergmann et al., "The MVTec Anomaly Detection Dataset", IJCV 129 (2021), section 5.
    """
    return _over_false_positives(ranking, ranking.overlap)


def precision_recall_curve(ranking: Ranking) -> Curve:
    """Return precision over recall, drawn back from the first point to recall 0.

    Raises:
        ValueError: There are no positives or no negatives.
    """
    _require_both(ranking)
    recall = ranking.true_positives / ranking.positives
    precision = ranking.true_positives / (ranking.true_positives + ranking.false_positives)
    return Curve(
        np.concatenate([[0.0], recall]),
        np.concatenate([precision[:1], precision]),
        np.concatenate([[_next(ranking)], ranking.thresholds]).astype(np.float64),
    )


def _over_false_positives(ranking: Ranking, found: np.ndarray) -> Curve:
    """Two points a threshold: just above it, and at it. Between them lie only ties."""
    _require_both(ranking)
    rates = np.stack([ranking.false_positives_above, ranking.false_positives], axis=1)
    before = np.concatenate([[0.0], found[:-1]])
    above = np.nextafter(ranking.thresholds, ranking.thresholds.dtype.type(np.inf))
    steps = np.stack([above, ranking.thresholds], axis=1)
    return Curve(
        np.concatenate([[0.0], rates.ravel() / ranking.negatives, [1.0]]),
        np.concatenate([[0.0], np.stack([before, found], axis=1).ravel(), [1.0]]),
        np.concatenate([[_next(ranking)], steps.ravel(), [ranking.lowest]]).astype(np.float64),
    )


def _next(ranking: Ranking) -> float:
    """The least threshold that no score reaches."""
    return float(np.nextafter(ranking.thresholds.dtype.type(ranking.highest), np.inf))


def _require_both(ranking: Ranking) -> None:
    if not ranking.defined:
        raise ValueError(
            f"a curve needs positives and negatives; there are {ranking.positives} "
            f"and {ranking.negatives}"
        )
