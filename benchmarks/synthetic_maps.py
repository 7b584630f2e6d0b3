"""Anomaly maps without end, made when they are asked for and always the same.

Scores are log-normal, so that a few are far from all others, as those of reconstructions are. Each
map is a stretch of one pool of draws times a factor of its own, so that scores of two maps are
hardly ever tied. One map in four has defects, one to three rectangles with greater scores.
"""

from collections.abc import Callable, Sequence

import numpy as np

SIDE = 256  # pixels
POOL = 1 << 22
EVERY = 4
LIFT = 4.0


class Made(Sequence[np.ndarray]):
    """A sequence of arrays that are made when they are asked for."""

    def __init__(self, make: Callable[[int], np.ndarray], count: int) -> None:
        self._make, self._count = make, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> np.ndarray:  # type: ignore[override]
        if not 0 <= index < self._count:
            raise IndexError(index)
        return self._make(index)


class SyntheticMaps:
    """So many masks and maps of 256 x 256 pixels.

    Args:
        count: Number of maps.
        seed: Of all draws.

    Attributes:
        masks: (256, 256), bool, each.
        maps: (256, 256), float32, each.
    """

    def __init__(self, count: int, seed: int = 0) -> None:
        self._seed = seed
        draws = np.random.default_rng(seed)
        self._pool = np.exp(1.5 * draws.standard_normal(POOL, dtype=np.float32))
        self._clear = np.zeros((SIDE, SIDE), bool)
        self._clear.flags.writeable = False
        self.masks = Made(self._mask, count)
        self.maps = Made(self._map, count)

    def _windows(self, index: int) -> list[tuple[slice, slice]]:
        if index % EVERY:
            return []
        draws = np.random.default_rng((self._seed, 1, index))
        corners = draws.integers(0, SIDE - 64, size=(draws.integers(1, 4), 2))
        sizes = draws.integers(1, 64, size=corners.shape)
        return [
            (slice(top, top + height), slice(left, left + width))
            for (top, left), (height, width) in zip(corners, sizes, strict=True)
        ]

    def _mask(self, index: int) -> np.ndarray:
        windows = self._windows(index)
        if not windows:
            return self._clear
        mask = np.zeros((SIDE, SIDE), bool)
        for window in windows:
            mask[window] = True
        return mask

    def _map(self, index: int) -> np.ndarray:
        draws = np.random.default_rng((self._seed, 2, index))
        start = int(draws.integers(0, POOL - SIDE * SIDE))
        factor = np.float32(draws.uniform(0.8, 1.25))
        scores = (self._pool[start : start + SIDE * SIDE] * factor).reshape(SIDE, SIDE)
        for window in self._windows(index):
            scores[window] *= LIFT
        return scores
