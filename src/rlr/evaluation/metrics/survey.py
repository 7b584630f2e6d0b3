"""What is known of maps after one look at each: a state of bounded size that can be merged.

While the scores are few the state holds them all, and nothing has to be looked at again. Beyond
that it holds the positives alone, and when there are too many of those, how many there are in
each of 65,536 bins, the first half of a float32's bits. The bins are then taken in *bands* of few
enough positives, the greatest scores first, and each band is ranked by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlr.evaluation.metrics.counting import order_keys
from rlr.evaluation.metrics.ranking import Positives, Totals, finite_range, floating
from rlr.evaluation.metrics.regions import Regions, find_regions

BINS = 1 << 16


class Held:
    """At most so many scores, in one piece of memory that is touched as far as it is filled.

    Args:
        most: Number of scores.
    """

    def __init__(self, most: int) -> None:
        self._most, self._used = most, 0
        self._array = np.empty(most, np.float32)

    def put(self, scores: np.ndarray) -> bool:
        """Take scores (P,), or none of them where they are too many; returns which."""
        end = self._used + len(scores)
        if end > self._most:
            return False
        if scores.dtype.itemsize > self._array.itemsize:
            wider = np.empty(self._most, scores.dtype)
            wider[: self._used] = self._array[: self._used]
            self._array = wider
        self._array[self._used : end] = scores
        self._used = end
        return True

    @property
    def scores(self) -> np.ndarray:
        """The scores that are held; a view, which may be reordered."""
        return self._array[: self._used]

    def clear(self) -> None:
        """Hold nothing."""
        self._used = 0


@dataclass(frozen=True)
class Band:
    """Bins from `first` up to, without, `end`."""

    first: int
    end: int

    def of(self, scores: np.ndarray) -> np.ndarray:
        """Return which scores (P,) lie in the band (P,), bool."""
        bins = bins_of(scores)
        inside: np.ndarray = (bins >= self.first) & (bins < self.end)
        return inside


def bins_of(scores: np.ndarray) -> np.ndarray:
    """Return the bin of each score (P,): int32 from 0 to 65,535, in the order of the scores."""
    with np.errstate(over="ignore"):  # a float64 beyond all float32 is in the last bin
        single = scores.astype(np.float32) + np.float32(0.0)  # -0.0 becomes 0.0
    bins: np.ndarray = (order_keys(single) >> 16) + BINS // 2
    return bins


class Gathering:
    """Positives as they come in; ties are merged whenever more than `most` are waiting.

    Attributes:
        distinct: Number of distinct scores when ties were last merged.
    """

    def __init__(self, most: int) -> None:
        self.distinct = 0
        self._most, self._waiting = most, 0
        self._parts: list[Positives] = []

    def add(self, positives: Positives) -> None:
        """Take positives, whose scores may occur more than once."""
        self._parts.append(positives)
        self._waiting += len(positives)
        if self._waiting > self._most:
            self.table()

    def table(self) -> Positives:
        """Return all of them, ties merged."""
        if self._waiting:
            self._parts, self._waiting = [Positives.union(self._parts)], 0
            self.distinct = len(self._parts[0])
        return self._parts[0] if self._parts else Positives.union([])


def positives_of(regions: Regions, scores: np.ndarray) -> Positives:
    """Return the defective pixels of a map (H, W), one by one."""
    return Positives(regions.of(scores), np.ones(len(regions.shares), np.int64), regions.shares)


class Survey:
    """The state after one look at each map.

    Merging is associative and commutative: counts, and what is held, do not depend on who saw
    which map or on the order; sums of shares differ by their rounding alone (1e-15).

    Args:
        most: How many scores it may hold, and how many positives.

    Attributes:
        most: The same.

    Example:
        >>> here, there = Survey(100), Survey(100)
        >>> here.add(np.array([[0, 1]]), np.array([[0.5, 0.7]], np.float32), "map 0")
        >>> there.add(np.array([[0, 0]]), np.array([[0.1, 0.9]], np.float32), "map 1")
        >>> here.merge(there)
        >>> here.totals
        Totals(positives=1, negatives=3, regions=1, lowest=0.1..., highest=0.89...)
    """

    def __init__(self, most: int) -> None:
        if most < 1:
            raise ValueError(f"{most} scores held at once; at least one is needed")
        self.most = most
        self._pixels = self._defective = self._regions = 0
        self._lowest, self._highest = np.inf, -np.inf
        self._held: Held | None = Held(most)
        self._gathering: Gathering | None = Gathering(most)
        self._bins = np.zeros(BINS, dtype=np.int64)

    def add(self, mask: np.ndarray, anomaly_map: np.ndarray, name: str) -> None:
        """Look at a map.

        Args:
            mask: (H, W), defective where not zero.
            anomaly_map: (H, W), finite; it is copied.
            name: What it is called where something is wrong with it.

        Raises:
            ValueError: The sizes differ, or a score is not finite.
        """
        scores = floating_map(mask, anomaly_map, name)
        lowest, highest = finite_range(scores, name)
        if not scores.size:
            return
        self._lowest, self._highest = min(self._lowest, lowest), max(self._highest, highest)
        self._pixels += scores.size
        self._hold(scores.ravel())
        regions = find_regions(mask)
        if regions is not None:
            self._defective += len(regions.shares)
            self._regions += regions.count
            self._gather(positives_of(regions, scores))

    def merge(self, other: "Survey") -> None:
        """Add what another one has seen, which stays as it is."""
        self._pixels += other._pixels
        self._defective += other._defective
        self._regions += other._regions
        self._lowest = min(self._lowest, other._lowest)
        self._highest = max(self._highest, other._highest)
        if other._held is None:
            self._held = None
        else:
            self._hold(other._held.scores)
        if other._gathering is None:
            self._spill()
            self._bins += other._bins
        else:
            self._gather(other._gathering.table())

    @property
    def totals(self) -> Totals:
        """What there is in all."""
        return Totals(
            self._defective,
            self._pixels - self._defective,
            self._regions,
            self._lowest if self._pixels else float("nan"),
            self._highest if self._pixels else float("nan"),
        )

    @property
    def scores(self) -> np.ndarray | None:
        """All scores (P,), which may be reordered; None where they are too many to be held."""
        return None if self._held is None else self._held.scores

    @property
    def positives(self) -> Positives | None:
        """All positives; None where they are too many to be held."""
        if self._gathering is None:
            return None
        table = self._gathering.table()
        if len(table) <= self.most:
            return table
        self._spill()
        return None

    def bands(self) -> Iterator[Band]:
        """Yield bands of at most `most` positives each, or of one bin, the greatest first."""
        first = end = held = 0
        for place in np.flatnonzero(self._bins)[::-1].tolist():
            count = int(self._bins[place])
            if held and held + count > self.most:
                yield Band(first, end)
                held = 0
            end = end if held else place + 1
            first, held = place, held + count
        if held:
            yield Band(first, end)

    def _hold(self, scores: np.ndarray) -> None:
        if self._held is not None and not self._held.put(scores):
            self._held = None

    def _gather(self, positives: Positives) -> None:
        if self._gathering is None:
            np.add.at(self._bins, bins_of(positives.scores), positives.hits)
            return
        self._gathering.add(positives)
        if self._gathering.distinct > self.most:
            self._spill()

    def _spill(self) -> None:
        """Hold no positives any more: only how many there are in each bin."""
        gathering, self._gathering = self._gathering, None
        if gathering is not None:
            self._gather(gathering.table())


def floating_map(mask: np.ndarray, anomaly_map: np.ndarray, name: str) -> np.ndarray:
    """Return a map whose scores can be compared as they are.

    Raises:
        ValueError: It is not of the size of its mask.
    """
    scores = floating(np.asarray(anomaly_map))
    if scores.shape != mask.shape or mask.ndim != 2:
        raise ValueError(f"{name} is of shape {scores.shape} and its mask of {mask.shape}")
    return scores
