"""How many scores reach each of some thresholds, exactly: the one place where scores are sorted.

A float32, read as a whole number, keeps its order once the bits of negative ones are turned
around. So the first bits of that number are a bin, and a score whose bin holds no threshold is
placed by a look at a table. Only scores that share a bin with a threshold are sorted.
"""

import numpy as np

BINS = 1 << 21  # more find fewer scores to sort, and no longer fit a processor's cache
CHUNK = 1 << 16  # scores that are placed at once, so that what is made of them stays in the cache


def order_keys(scores: np.ndarray) -> np.ndarray:
    """Return whole numbers that lie in the order of the scores.

    Args:
        scores: Any shape, float32, finite.

    Returns:
        The same shape, int32. -0.0 comes just before 0.0, though they are equal as scores.

    Example:
        >>> order_keys(np.array([-2.0, -1.0, 0.0, 1.0], np.float32)).argsort().tolist()
        [0, 1, 2, 3]
    """
    bits = scores.view(np.int32)
    keys: np.ndarray = bits ^ ((bits >> 31) & 0x7FFFFFFF)
    return keys


def count_reaching(scores: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count the scores that reach each threshold, and those that exceed it.

    Args:
        scores: (P,), finite; they are used up: reordered, and -0.0 made 0.0.
        thresholds: (T,), distinct and rising.

    Returns:
        At least the threshold, and greater than it, (T,) int64 each.

    Example:
        >>> count_reaching(np.array([1.0, 2.0, 2.0]), np.array([2.0, 3.0]))
        (array([2, 0]), array([0, 0]))
    """
    single = scores.dtype == thresholds.dtype == np.float32
    if single and 8 * len(thresholds) < BINS and len(scores) > CHUNK:
        return _Table(thresholds).count(scores)
    return _count_sorted(scores, thresholds)


def _count_sorted(scores: np.ndarray, thresholds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scores.sort()
    total = len(scores)
    return (
        total - np.searchsorted(scores, thresholds, side="left"),
        total - np.searchsorted(scores, thresholds, side="right"),
    )


class _Table:
    """Between which thresholds a bin lies, or that a threshold lies in it."""

    def __init__(self, thresholds: np.ndarray) -> None:
        self._thresholds = thresholds + np.float32(0.0)  # -0.0 becomes 0.0
        keys = order_keys(self._thresholds).astype(np.int64)
        span = int(keys[-1] - keys[0]) + 1
        self._shift = max(0, span.bit_length() - BINS.bit_length() + 1)
        self._first = int(keys[0]) - (1 << self._shift)  # bin 0: all that lies below
        bins = (keys - self._first) >> self._shift
        held = np.bincount(bins, minlength=int(bins[-1]) + 2)  # the last bin: all that lies above
        self._within = len(thresholds) + 1
        self._places = np.where(held > 0, self._within, held.cumsum()).astype(np.int32)

    def count(self, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what `count_reaching` does."""
        tally = np.zeros(self._within + 1, dtype=np.int64)  # j: j thresholds are reached
        to_sort = []
        for start in range(0, len(scores), CHUNK):
            chunk = scores[start : start + CHUNK]
            chunk += np.float32(0.0)
            places = self._place(chunk)
            tally += np.bincount(places, minlength=len(tally))
            to_sort.append(chunk[places == self._within])
        reaching, exceeding = _count_sorted(np.concatenate(to_sort), self._thresholds)
        placed = tally[-2:0:-1].cumsum()[::-1]
        return reaching + placed, exceeding + placed

    def _place(self, chunk: np.ndarray) -> np.ndarray:
        bins = np.subtract(order_keys(chunk), self._first, dtype=np.int64)
        bins >>= self._shift
        places: np.ndarray = self._places.take(bins, mode="clip")
        return places
