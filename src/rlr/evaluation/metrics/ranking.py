"""Positives and negatives at each distinct score of a positive, the greatest first.

Every curve here bends only at the scores of *positives* (defective pixels or images): between
two of them the hits stay the same and only false positives are added. So it is enough to know,
for each distinct positive score t, how many negatives are greater than t and how many are at
least t. Ties are counted as ties, and no grid of thresholds is laid over anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rlr.evaluation.metrics.counting import count_reaching


@dataclass(frozen=True)
class Positives:
    """The T distinct scores of positives, the least first; a table that can be merged.

    Attributes:
        scores: (T,), floating.
        hits: Number of positives with this score (T,), int64.
        shares: Sum of their shares of their regions (T,), float64.
    """

    scores: np.ndarray
    hits: np.ndarray
    shares: np.ndarray

    @classmethod
    def union(cls, parts: Sequence["Positives"]) -> "Positives":
        """Return one table of all that several have counted; the order of the parts is free."""
        if not parts:
            return cls(np.empty(0, np.float32), np.empty(0, np.int64), np.empty(0))
        scores, place = np.unique(
            np.concatenate([part.scores for part in parts]), return_inverse=True
        )
        hits, shares = (
            np.bincount(place, np.concatenate(column), minlength=len(scores))
            for column in ([part.hits for part in parts], [part.shares for part in parts])
        )
        return cls(scores, hits.astype(np.int64), shares)

    def where(self, chosen: np.ndarray) -> "Positives":
        """Return the rows that are chosen (T,), bool."""
        return Positives(self.scores[chosen], self.hits[chosen], self.shares[chosen])

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Totals:
    """What is known of all scores before they are ranked.

    Attributes:
        positives: Number of positives.
        negatives: Number of negatives.
        regions: Number of defect regions.
        lowest: Smallest of all scores; NaN where there is none.
        highest: Greatest of all scores.
    """

    positives: int
    negatives: int
    regions: int
    lowest: float
    highest: float

    @property
    def defined(self) -> bool:
        """Whether there are both positives and negatives; without them no metric has a value."""
        return self.positives > 0 and self.negatives > 0


@dataclass(frozen=True)
class Reached:
    """Where the part of a ranking begins: what the threshold before it has reached.

    Attributes:
        true_positives: Positives that are found.
        false_positives: Negatives that are found.
        overlap: Mean over regions of their share that is found.
        threshold: The threshold.
    """

    true_positives: int
    false_positives: int
    overlap: float
    threshold: float


@dataclass(frozen=True)
class Ranking:
    """T distinct positive scores, falling, that follow one another: all of them, or a part.

    Attributes:
        totals: What there is in all.
        start: What was reached before.
        thresholds: The scores (T,), in the dtype of the maps.
        true_positives: Positives with a score of at least the threshold (T,), int64.
        false_positives: Negatives with a score of at least the threshold (T,), int64.
        false_positives_above: Negatives with a greater score (T,), int64.
        overlap: Mean over regions of their share with at least the threshold (T,), float64.
    """

    totals: Totals
    start: Reached
    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_positives_above: np.ndarray
    overlap: np.ndarray

    @property
    def last(self) -> bool:
        """Whether no positive is left for a further part."""
        return self.end.true_positives == self.totals.positives

    @property
    def end(self) -> Reached:
        """What is reached after this part."""
        if not len(self.thresholds):
            return self.start
        return Reached(
            int(self.true_positives[-1]),
            int(self.false_positives[-1]),
            float(self.overlap[-1]),
            float(self.thresholds[-1]),
        )


class Tally:
    """Counts all scores, positives included, against some positives: a state that can be merged.

    Args:
        positives: The positives, whose scores are the thresholds.

    Example:
        >>> tally = Tally(Positives(np.array([1.0, 2.0]), np.ones(2, int), np.ones(2)))
        >>> tally.add(np.array([3.0, 2.0, 1.0, 0.0]))
        >>> tally.reaching.tolist()
        [3, 2]
    """

    def __init__(self, positives: Positives) -> None:
        self.positives = positives
        self.reaching = np.zeros(len(positives), dtype=np.int64)
        self.exceeding = np.zeros(len(positives), dtype=np.int64)

    def undecided(self, scores: np.ndarray) -> np.ndarray:
        """Count scores (P,) that exceed all thresholds, and return those between them."""
        if not len(self.positives):
            return scores[:0]
        least, greatest = self.positives.scores[[0, -1]]
        beyond = int(np.count_nonzero(scores > greatest))
        self.reaching += beyond
        self.exceeding += beyond
        between: np.ndarray = scores[(scores >= least) & (scores <= greatest)]
        return between

    def add(self, scores: np.ndarray) -> None:
        """Count scores (P,), which are used up: they may be changed."""
        if len(self.positives):
            reaching, exceeding = count_reaching(scores, self.positives.scores)
            self.reaching += reaching
            self.exceeding += exceeding

    def merge(self, other: "Tally") -> None:
        """Add what another one has counted against the same positives."""
        self.reaching += other.reaching
        self.exceeding += other.exceeding

    def ranking(self, totals: Totals, start: Reached | None = None) -> Ranking:
        """Return these positives, ranked.

        Args:
            totals: What there is in all.
            start: What was reached by the positives with greater scores; None: there are none.
        """
        start = start or beginning(totals, self.positives.scores.dtype)
        hits = self.positives.hits[::-1]
        found = start.true_positives + hits.cumsum()
        shares = self.positives.shares[::-1].cumsum() / max(totals.regions, 1)
        return Ranking(
            totals,
            start,
            thresholds=self.positives.scores[::-1].copy(),
            true_positives=found,
            false_positives=self.reaching[::-1] - found,
            false_positives_above=self.exceeding[::-1] - (found - hits),
            overlap=np.minimum(start.overlap + shares, 1.0),
        )


def beginning(totals: Totals, dtype: np.dtype) -> Reached:
    """Return what is reached by the least threshold that no score reaches: nothing."""
    return Reached(0, 0, 0.0, float(np.nextafter(dtype.type(totals.highest), np.inf)))


def rank_images(labels: np.ndarray, scores: np.ndarray) -> Ranking:
    """Rank images; each defective one counts as a region of its own.

    Args:
        labels: 0 for normal, 1 for defective, (N,).
        scores: Image scores (N,), finite.

    Raises:
        ValueError: Shapes differ, a label is neither 0 nor 1, or a score is not finite.
    """
    labels, scores = np.asarray(labels), floating(np.asarray(scores))
    if labels.shape != scores.shape or labels.ndim != 1:
        raise ValueError(f"labels of shape {labels.shape} and scores of shape {scores.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels other than 0 (normal) and 1 (defective)")
    lowest, highest = finite_range(scores, "scores")
    positive = labels == 1
    count = int(positive.sum())
    found = Positives(scores[positive], np.ones(count, np.int64), np.ones(count))
    tally = Tally(Positives.union([found]))
    tally.add(scores.copy())
    return tally.ranking(Totals(count, len(scores) - count, count, lowest, highest))


def floating(scores: np.ndarray) -> np.ndarray:
    """Return scores that can be compared as they are: float32, or float64."""
    if scores.dtype in (np.float32, np.float64):
        return scores
    return scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)


def finite_range(scores: np.ndarray, name: str) -> tuple[float, float]:
    """Return the smallest and the greatest score; NaN where there is none.

    Raises:
        ValueError: A score is NaN or infinite.
    """
    if not scores.size:
        return float("nan"), float("nan")
    lowest, highest = float(scores.min()), float(scores.max())  # NaN where there is one
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        bad = scores.size - int(np.isfinite(scores).sum())
        raise ValueError(f"{name}: {bad} of {scores.size} values are NaN or infinite")
    return lowest, highest
