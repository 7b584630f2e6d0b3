"""Bins for the pixels of a class, fine where the false-positive rate is low.

AUPRO to 0.05 and average precision live where one defect-free pixel in a thousand is called
defective, so thresholds lie at geometric steps of that rate, with some at even steps of both kinds
of pixels between. Counts at the thresholds are exact; only between two of them the order of pixels
is forgotten. Where a class has no more distinct scores than bins, nothing is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

EIGHT_CONNECTED = np.ones((3, 3), dtype=int)
SKETCH = 1024  # scores kept of an image to place the thresholds by
GEOMETRIC_NEGATIVES, EVEN_NEGATIVES, GEOMETRIC_POSITIVES, EVEN_POSITIVES = (
    0.375,
    0.0625,
    0.0625,
    0.5,
)


@dataclass(frozen=True)
class SortedPixels:
    """The pixels of one image.

    Attributes:
        negatives: Scores of defect-free pixels, rising.
        positives: Scores of defective pixels, rising.
        shares: Inverse size of the region of each of those.
        regions: Number of defect regions.
    """

    negatives: np.ndarray
    positives: np.ndarray
    shares: np.ndarray
    regions: int

    @classmethod
    def of(cls, scores: np.ndarray, mask: np.ndarray) -> "SortedPixels":
        """Sort the pixels of a map (H, W) by its mask (H, W)."""
        negatives = np.sort(scores[~mask]) if mask.any() else np.sort(scores, axis=None)
        numbers, regions = ndimage.label(mask, structure=EIGHT_CONNECTED)
        region = numbers[mask]
        sizes = np.bincount(region, minlength=regions + 1)
        order = np.argsort(scores[mask])
        return cls(negatives, scores[mask][order], 1.0 / sizes[region][order], regions)


@dataclass(frozen=True)
class Sketch:
    """Some of an image's scores, each for the `counts` pixels from the one before down to it."""

    values: np.ndarray
    counts: np.ndarray
    complete: bool

    @classmethod
    def of(cls, rising: np.ndarray) -> "Sketch":
        """Keep the distinct scores where they are few, else those at geometric ranks."""
        ends = np.flatnonzero(np.diff(rising, prepend=np.nan) != 0)  # first of each run
        if len(ends) <= SKETCH:
            ranks = len(rising) - ends[::-1]
        else:
            ranks = np.unique(np.rint(np.geomspace(1, len(rising), SKETCH)).astype(int))
        values = rising[len(rising) - ranks]
        return cls(values, np.diff(ranks, prepend=0), len(ends) <= SKETCH)


def thresholds(negatives: Sequence[Sketch], positives: Sequence[Sketch], bins: int) -> np.ndarray:
    """Return falling thresholds; the last is minus infinity, which every pixel reaches.

    Args:
        negatives: Sketches of the defect-free pixels of a class's images.
        positives: The same of their defective pixels.
        bins: Greatest number of thresholds before the last.
    """
    chosen = _all_scores([*negatives, *positives], bins)
    if chosen is None:
        chosen = _all_positives(positives, bins)
    if chosen is None:
        chosen = np.concatenate(
            [
                _placed(negatives, GEOMETRIC_NEGATIVES * bins, EVEN_NEGATIVES * bins),
                _placed(positives, GEOMETRIC_POSITIVES * bins, EVEN_POSITIVES * bins),
            ]
        )
    falling = np.unique(chosen)[::-1]
    return np.append(falling, -np.inf).astype(falling.dtype)


def _all_scores(sketches: Sequence[Sketch], most: int) -> np.ndarray | None:
    """Return the distinct scores, or None where they are more, or not all known."""
    distinct = np.unique(np.concatenate([sketch.values for sketch in sketches]))
    known = all(sketch.complete for sketch in sketches)
    return distinct if known and len(distinct) <= most else None


def _all_positives(positives: Sequence[Sketch], most: int) -> np.ndarray | None:
    """Return the distinct scores and what is just above each, or None where they are more."""
    distinct = _all_scores(positives, most // 2)
    if distinct is None:
        return None
    above = np.nextafter(distinct, distinct.dtype.type(np.inf))
    return np.concatenate([distinct, above])


def _placed(sketches: Sequence[Sketch], geometric: float, even: float) -> np.ndarray:
    values = np.concatenate([sketch.values for sketch in sketches])
    counts = np.concatenate([sketch.counts for sketch in sketches])
    order = np.argsort(-values)
    reached = counts[order].cumsum()
    ranks = np.concatenate(
        [
            np.geomspace(1, reached[-1], int(geometric)),
            np.linspace(1, reached[-1], int(even)),
        ]
    )
    places = np.minimum(np.searchsorted(reached, ranks), len(values) - 1)
    placed: np.ndarray = values[order][places]
    return placed


def count_above(rising: np.ndarray, falling: np.ndarray) -> np.ndarray:
    """Return how many scores are at least each threshold (T,)."""
    counts: np.ndarray = len(rising) - np.searchsorted(rising, falling, side="left")
    return counts


def mass_above(rising: np.ndarray, masses: np.ndarray, falling: np.ndarray) -> np.ndarray:
    """Return the sum of the masses of all scores of at least each threshold (T,)."""
    total = np.concatenate([[0.0], masses[::-1].cumsum()])
    mass: np.ndarray = total[count_above(rising, falling)]
    return mass


class Extremes:
    """Smallest and greatest score between two neighbouring thresholds, over all images."""

    def __init__(self, falling: np.ndarray) -> None:
        self._falling = falling
        self._least = np.full(len(falling), np.inf)
        self._greatest = np.full(len(falling), -np.inf)

    def add(self, rising: np.ndarray) -> None:
        if not len(rising):
            return
        start = np.searchsorted(rising, self._falling, side="left")
        end = np.append(len(rising), start[:-1])
        filled = start < end
        least, greatest = rising[start[filled]], rising[end[filled] - 1]
        self._least[filled] = np.minimum(self._least[filled], least)
        self._greatest[filled] = np.maximum(self._greatest[filled], greatest)

    @property
    def single(self) -> np.ndarray:
        """Whether there is at most one distinct score (T,)."""
        alike: np.ndarray = self._least >= self._greatest
        return alike
