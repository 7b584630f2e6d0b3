"""Resamples of the images of a class: the draws of a stratified bootstrap, and the jackknife's.

Within a class, normal and defective images are strata of their own, and so are defective images
whose pixels are not known. Images of one group (a part, a burst) are drawn together, for they are
not independent. Of a stratum of n groups a draw takes n - 1 with replacement, weighted by
n / (n - 1): drawing n makes the variance of a mean too small by (n - 1) / n, which matters where a
class has ten images.

Source: McCarthy and Snowden, "The bootstrap and finite population sampling", Vital and Health
Statistics 2 (95), 1985, on n - 1 draws a stratum; Davison and Hinkley, "Bootstrap Methods and
their Application", 1997, sections 3.2 (strata) and 3.8 (clusters).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

WORK = 2**17  # numbers in work at once: they stay in the processor's cache
LEAST_ROWS = 16


@dataclass(frozen=True)
class Stratum:
    """Images that replace each other in a draw.

    Attributes:
        places: Their places among the images of the class (n,).
        groups: Group of each (n,), numbers from 0.
        size: Number of groups.
    """

    places: np.ndarray
    groups: np.ndarray
    size: int


@dataclass(frozen=True)
class Resamples:
    """Weights of the N images of a class, resample by resample.

    The first resample is the images as they are; then each group of a stratum is left out once;
    then come the draws.

    Attributes:
        images: N.
        strata: The strata.
        counts: How often each group was drawn, (D, groups) a stratum.
    """

    images: int
    strata: list[Stratum]
    counts: list[np.ndarray]

    @property
    def left_out(self) -> int:
        """Number of resamples that leave out a group."""
        return sum(stratum.size for stratum in self.strata if stratum.size > 1)

    def blocks(self, width: int) -> Iterator[np.ndarray]:
        """Yield weights (rows, N), float32, in the order above.

        Args:
            width: Numbers that will be made of a row; the wider, the fewer rows a block.
        """
        rows = max(WORK // width, LEAST_ROWS)
        waiting: list[np.ndarray] = []
        for part in self._parts(rows):
            if sum(map(len, waiting)) + len(part) > rows:
                yield np.concatenate(waiting)
                waiting = []
            waiting.append(part)
        yield np.concatenate(waiting)

    def _parts(self, rows: int) -> Iterator[np.ndarray]:
        """Yield the same in parts of at most so many rows; of small sets they are tiny."""
        yield np.ones((1, self.images), np.float32)
        for stratum in self.strata:
            if stratum.size > 1:
                yield from self._without_each(stratum, rows)
        for start in range(0, len(self.counts[0]), rows):
            yield self._drawn(start, start + rows)

    def _without_each(self, stratum: Stratum, rows: int) -> Iterator[np.ndarray]:
        for start in range(0, stratum.size, rows):
            out = np.arange(start, min(start + rows, stratum.size))
            weights = np.ones((len(out), self.images), np.float32)
            kept = stratum.groups[None, :] != out[:, None]
            weights[:, stratum.places] = kept * (stratum.size / (stratum.size - 1))
            yield weights

    def _drawn(self, start: int, end: int) -> np.ndarray:
        rows = len(self.counts[0][start:end])
        weights = np.ones((rows, self.images), np.float32)
        for stratum, counts in zip(self.strata, self.counts, strict=True):
            if stratum.size > 1:
                share = stratum.size / (stratum.size - 1)
                drawn = counts[start:end, stratum.groups]
                weights[:, stratum.places] = drawn * share
        return weights

    def influences(self, values: np.ndarray) -> np.ndarray:
        """Return what each group moves a statistic by, in units of its standard error.

        Args:
            values: The statistic with each group left out (`left_out`, ...).

        Returns:
            Of the same shape; the sum of the squares is the jackknife's variance.
        """
        parts, start = [], 0
        for stratum in self.strata:
            if stratum.size > 1:
                own = values[start : start + stratum.size]
                scale = np.sqrt((stratum.size - 1) / stratum.size)
                parts.append(scale * (own - own.mean(axis=0)))
                start += stratum.size
        return np.concatenate(parts) if parts else values[:0]


def resample(
    kinds: np.ndarray, groups: np.ndarray, draws: int, address: tuple[str, ...]
) -> Resamples:
    """Draw the images of a class.

    Args:
        kinds: Name of each image's stratum (N,).
        groups: Name of each image's group (N,).
        draws: Number of draws D.
        address: What seeds the draws: the data version and the class. Another class, or another
            metric, changes nothing here.
    """
    strata = [_stratum(kinds == kind, groups) for kind in np.unique(kinds)]
    names = [str(kind) for kind in np.unique(kinds)]
    counts = [
        _counts(stratum.size, draws, (*address, name))
        for stratum, name in zip(strata, names, strict=True)
    ]
    return Resamples(len(kinds), strata, counts)


def generator(*address: str) -> np.random.Generator:
    """Return a generator that its address alone seeds."""
    seed = hashlib.sha256("\0".join(("gate", *address)).encode()).digest()
    return np.random.default_rng(int.from_bytes(seed, "big"))


def _stratum(members: np.ndarray, groups: np.ndarray) -> Stratum:
    places = np.flatnonzero(members)
    names, numbers = np.unique(groups[places], return_inverse=True)
    return Stratum(places, numbers, len(names))


def _counts(size: int, draws: int, address: tuple[str, ...]) -> np.ndarray:
    taken = generator(*address).integers(0, size, (draws, max(size - 1, 1)))
    flat = (taken + size * np.arange(draws)[:, None]).ravel()
    counts: np.ndarray = np.bincount(flat, minlength=draws * size).reshape(draws, size)
    return counts.astype(np.uint16)
