"""All scores against all thresholds, exactly, in memory for the defective ones alone.

Every curve here bends only at the scores of *positives* (defective pixels or images): between
two of them the hits stay the same and only false positives are added. So it is enough to know,
for each distinct positive score t, how many negatives are greater than t and how many are at
least t. Negatives are sorted and counted map by map and then forgotten, ties included, and no
grid of thresholds is laid over anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

Arrays = np.ndarray | Sequence[np.ndarray]
EIGHT_CONNECTED = np.ones((3, 3), dtype=int)


@dataclass(frozen=True)
class Ranking:
    """Positives and negatives at each of T distinct positive scores, the greatest first.

    Attributes:
        thresholds: The scores (T,), in the dtype of the maps.
        true_positives: Positives with a score of at least the threshold (T,), int64.
        false_positives: Negatives with a score of at least the threshold (T,), int64.
        false_positives_above: Negatives with a greater score (T,), int64.
        overlap: Mean over regions of their share with at least the threshold (T,), float64.
        positives: Number of positives.
        negatives: Number of negatives.
        lowest: Smallest of all scores; NaN where there is none.
        highest: Greatest of all scores.
    """

    thresholds: np.ndarray
    true_positives: np.ndarray
    false_positives: np.ndarray
    false_positives_above: np.ndarray
    overlap: np.ndarray
    positives: int
    negatives: int
    lowest: float
    highest: float

    @property
    def defined(self) -> bool:
        """Whether there are both positives and negatives; without them no metric has a value."""
        return self.positives > 0 and self.negatives > 0


@dataclass(frozen=True)
class _Positives:
    """Scores of positives (P,), each with the inverse size of its region, and the regions."""

    scores: np.ndarray
    weights: np.ndarray
    regions: int

    @classmethod
    def union(cls, parts: Sequence["_Positives"]) -> "_Positives":
        if not parts:
            return cls(np.empty(0, np.float32), np.empty(0), 0)
        return cls(
            np.concatenate([part.scores for part in parts]),
            np.concatenate([part.weights for part in parts]),
            sum(part.regions for part in parts),
        )


class _Tally:
    """Counts negatives between the distinct scores of the positives."""

    def __init__(self, positives: _Positives) -> None:
        self._regions = positives.regions
        self._thresholds, place = np.unique(positives.scores, return_inverse=True)  # rising
        size = len(self._thresholds)
        self._hits = np.bincount(place, minlength=size)
        self._weights = np.bincount(place, positives.weights, minlength=size)
        self._between = np.zeros(size + 1, dtype=np.int64)  # j: at least j thresholds reached
        self._equal = np.zeros(size, dtype=np.int64)
        self._lowest, self._highest = np.inf, -np.inf
        self._saw(self._thresholds)

    def add(self, negatives: np.ndarray) -> None:
        """Count the scores of negatives, which must be sorted."""
        if not len(negatives):
            return
        self._saw(negatives)
        place = np.searchsorted(self._thresholds, negatives, side="right")
        _add_runs(self._between, place)
        reached = place > 0
        at = place[reached] - 1
        _add_runs(self._equal, at[self._thresholds[at] == negatives[reached]])

    def ranking(self) -> Ranking:
        negatives = int(self._between.sum())
        at_least = self._between[:0:-1].cumsum()
        any_score = np.isfinite(self._lowest)
        return Ranking(
            thresholds=self._thresholds[::-1].copy(),
            true_positives=self._hits[::-1].cumsum(),
            false_positives=at_least,
            false_positives_above=at_least - self._equal[::-1],
            overlap=np.minimum(self._weights[::-1].cumsum() / max(self._regions, 1), 1.0),
            positives=int(self._hits.sum()),
            negatives=negatives,
            lowest=float(self._lowest) if any_score else float("nan"),
            highest=float(self._highest) if any_score else float("nan"),
        )

    def _saw(self, ascending: np.ndarray) -> None:
        if len(ascending):
            self._lowest = min(self._lowest, float(ascending[0]))
            self._highest = max(self._highest, float(ascending[-1]))


def rank_images(labels: np.ndarray, scores: np.ndarray) -> Ranking:
    """Rank images; each defective one counts as a region of its own.

    Args:
        labels: 0 for normal, 1 for defective, (N,).
        scores: Image scores (N,), finite.

    Raises:
        ValueError: Shapes differ, a label is neither 0 nor 1, or a score is not finite.
    """
    labels, scores = np.asarray(labels), _floating(np.asarray(scores))
    if labels.shape != scores.shape or labels.ndim != 1:
        raise ValueError(f"labels of shape {labels.shape} and scores of shape {scores.shape}")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError("labels other than 0 (normal) and 1 (defective)")
    _require_finite(scores, "scores")
    positive = labels == 1
    count = int(positive.sum())
    tally = _Tally(_Positives(scores[positive], np.ones(count), count))
    tally.add(np.sort(scores[~positive]))
    return tally.ranking()


def rank_pixels(masks: Arrays, maps: Arrays) -> Ranking:
    """Rank the pixels of all maps together.

    Args:
        masks: One (H, W) a map, defective where not zero. An array (N, H, W) or a sequence, whose
            items may differ in size; each item is asked for at most twice.
        maps: Anomaly maps of the same sizes, finite.

    Raises:
        ValueError: Numbers or sizes differ, or a score is not finite.
    """
    _require_pairs(masks, maps)
    tally = _Tally(_Positives.union(_all_positives(masks, maps, range(len(masks)))))
    for index in range(len(masks)):
        tally.add(_sorted_negatives(masks, maps, index))
    return tally.ranking()


def rank_pixels_by_class(
    masks: Arrays, maps: Arrays, classes: Sequence[str]
) -> tuple[dict[str, Ranking], Ranking]:
    """Rank the pixels of each class, and those of all classes together, in the same two passes.

    Args:
        masks: As for `rank_pixels`.
        maps: As for `rank_pixels`.
        classes: Class of each map.

    Returns:
        One ranking a class, and the pooled one.

    Raises:
        ValueError: Numbers or sizes differ, or a score is not finite.
    """
    _require_pairs(masks, maps)
    positives = {
        name: _Positives.union(_all_positives(masks, maps, _places(classes, name)))
        for name in sorted(set(classes))
    }
    tallies = {name: _Tally(found) for name, found in positives.items()}
    pooled = _Tally(_Positives.union(list(positives.values())))
    for index, name in enumerate(classes):
        negatives = _sorted_negatives(masks, maps, index)
        tallies[name].add(negatives)
        pooled.add(negatives)
    return {name: tally.ranking() for name, tally in tallies.items()}, pooled.ranking()


def _places(classes: Sequence[str], name: str) -> list[int]:
    return [index for index, other in enumerate(classes) if other == name]


def _all_positives(masks: Arrays, maps: Arrays, indices: Sequence[int]) -> list[_Positives]:
    found = []
    for index in indices:
        mask = np.asarray(masks[index]) > 0
        if mask.any():
            found.append(_positives(mask, _map_of(maps, index, mask)))
    return found


def _positives(mask: np.ndarray, scores: np.ndarray) -> _Positives:
    regions, count = ndimage.label(mask, structure=EIGHT_CONNECTED)
    of_pixel = regions[mask]
    sizes = np.bincount(of_pixel, minlength=count + 1)
    return _Positives(scores[mask], 1.0 / sizes[of_pixel], count)


def _sorted_negatives(masks: Arrays, maps: Arrays, index: int) -> np.ndarray:
    mask = np.asarray(masks[index]) > 0
    negatives = _map_of(maps, index, mask)[~mask]
    negatives.sort()
    return negatives


def _map_of(maps: Arrays, index: int, mask: np.ndarray) -> np.ndarray:
    scores = _floating(np.asarray(maps[index]))
    if scores.shape != mask.shape or mask.ndim != 2:
        raise ValueError(f"map {index} is of shape {scores.shape} and its mask of {mask.shape}")
    _require_finite(scores, f"map {index}")
    return scores


def _floating(scores: np.ndarray) -> np.ndarray:
    return scores if np.issubdtype(scores.dtype, np.floating) else scores.astype(np.float64)


def _require_pairs(masks: Arrays, maps: Arrays) -> None:
    if len(masks) != len(maps):
        raise ValueError(f"{len(masks)} masks and {len(maps)} maps")


def _require_finite(scores: np.ndarray, name: str) -> None:
    bad = scores.size - int(np.isfinite(scores).sum())
    if bad:
        raise ValueError(f"{name}: {bad} of {scores.size} values are NaN or infinite")


def _add_runs(counts: np.ndarray, places: np.ndarray) -> None:
    """Add one to `counts` at each of the rising places, at the cost of the places alone."""
    if not len(places):
        return
    starts = np.concatenate([[0], np.flatnonzero(np.diff(places)) + 1])
    counts[places[starts]] += np.diff(np.append(starts, len(places)))
