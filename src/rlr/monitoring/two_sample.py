"""Two-sample tests that do not take another mix of classes for a shift.

Every test compares within classes: under the null hypothesis the new images of a class are a
random part of all its images, new and old, whatever share of the new ones the class makes up.
So the tests draw random parts class by class, and their p values are exact, up to the draws.
Most windows are quiet, and a test that is nowhere near significance shows it soon: draws stop
where `ENOUGH` of them have reached what was found.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.stats import betabinom, rankdata

CHUNK = 500  # draws at a time, so that memory stays bounded
ENOUGH = 50  # draws that reach what was found; more would change the p value by a seventh
MEDIAN_OF = 500  # images that the kernel's width is estimated from
NULL_SEED = 0  # of the null distribution of ranks, which no data enter

Sizes = tuple[tuple[int, int], ...]  # per class: new images, and all images


@dataclass(frozen=True)
class Outcome:
    """Statistic and p value of a test."""

    statistic: float
    p_value: float


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p values for being many: reject those that are at most the rate wanted.

    Source: Holm, Scandinavian Journal of Statistics 6 (1979).

    Example:
        >>> holm([0.01, 0.04, 0.03])
        [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    running = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        running = max(running, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = running
    return adjusted


def stratified_ks(
    new: np.ndarray,
    new_classes: np.ndarray,
    old: np.ndarray,
    old_classes: np.ndarray,
    draws: int,
) -> Outcome:
    """Compare values within classes, and add up what the classes show.

    Each new value becomes its rank among all values of its class, as a share; the statistic is
    the Kolmogorov-Smirnov distance of all those shares from the uniform distribution.

    Args:
        new: New values (n,).
        new_classes: Class of each (n,); every class occurs among the old ones.
        old: Old values (m,).
        old_classes: Class of each (m,).
        draws: Random parts drawn for the null distribution.

    Returns:
        Distance, and its p value by permutation within classes.
    """
    shares, sizes = [], []
    for name in np.unique(new_classes):
        own, others = new[new_classes == name], old[old_classes == name]
        ranks = rankdata(np.concatenate([own, others]))
        shares.append((ranks[: len(own)] - 0.5) / len(ranks))
        sizes.append((len(own), len(ranks)))
    distance = float(_distances(np.concatenate(shares)[None])[0])
    null = (_null_distances(tuple(sizes), number, size) for number, size in _chunks(draws))
    # Of values that are equal but for rounding none is the greater one.
    return Outcome(distance, sequential_p_value(part >= distance - 1e-9 for part in null))


def sequential_p_value(reached: Iterable[np.ndarray]) -> float:
    """Return the p value of a test by draws, which stop where they have said enough.

    Args:
        reached: Draws in turn, some at a time (n,), bool: whether a random part reaches what was
            found.

    Returns:
        `ENOUGH` / draws made, where the draw that made it `ENOUGH` was the last one; else
        (reached + 1) / (draws + 1). Either is a p value in the strict sense.

    Source: Besag and Clifford, "Sequential Monte Carlo p-values", Biometrika 78 (1991).

    Example:
        >>> sequential_p_value([np.array([False, True, False])])
        0.5
        >>> sequential_p_value([np.tile([True, False], 500)])
        0.5050505050505051
    """
    hits = drawn = 0
    for part in reached:
        places = np.flatnonzero(part)
        if hits + len(places) >= ENOUGH:
            return float(ENOUGH / (drawn + places[ENOUGH - hits - 1] + 1))
        hits, drawn = hits + len(places), drawn + len(part)
    return (hits + 1) / (drawn + 1)


def _chunks(draws: int) -> Iterator[tuple[int, int]]:
    """Yield the number and the size of each chunk of draws."""
    for number, start in enumerate(range(0, draws, CHUNK)):
        yield number, min(CHUNK, draws - start)


@lru_cache(maxsize=1024)
def _null_distances(sizes: Sizes, number: int, count: int) -> np.ndarray:
    """Return the distances of a chunk of random parts; no data enter the law of ranks."""
    generator = np.random.default_rng([NULL_SEED, number])
    parts = [(_choose(generator, count, k, m) + 0.5) / m for k, m in sizes]
    return _distances(np.concatenate(parts, axis=1))


def _choose(generator: np.random.Generator, count: int, k: int, m: int) -> np.ndarray:
    """Return `count` random parts (count, k) of m places, without repetition."""
    draws = generator.random((count, m), dtype=np.float32)
    return np.argpartition(draws, min(k, m - 1), axis=1)[:, :k]


def _distances(shares: np.ndarray) -> np.ndarray:
    """Return the distance from the uniform distribution of each row of shares (draws, n)."""
    ordered = np.sort(shares, axis=1)
    n = ordered.shape[1]
    steps = np.arange(n + 1) / n
    above = (steps[1:] - ordered).max(axis=1)
    below = (ordered - steps[:-1]).max(axis=1)
    distances: np.ndarray = np.maximum(above, below)
    return distances


def stratified_mmd(
    new: np.ndarray,
    new_classes: np.ndarray,
    old: np.ndarray,
    old_classes: np.ndarray,
    draws: int,
    seed: int,
) -> Outcome:
    """Compare points within classes by their maximum mean discrepancy.

    The old points of a class weigh together as much as the new ones, so that both sides have the
    new images' mix of classes. The kernel is Gaussian; its width is the median distance.

    Args:
        new: New points (n, D).
        new_classes: Class of each (n,); every class occurs among the old ones.
        old: Old points (m, D).
        old_classes: Class of each (m,).
        draws: Random parts drawn for the null distribution.
        seed: Seed of the draws.

    Returns:
        Squared discrepancy, and its p value by permutation within classes.

    Source: Gretton et al., "A Kernel Two-Sample Test", JMLR 13 (2012).
    """
    kept = np.isin(old_classes, new_classes)
    points = np.concatenate([new, old[kept]]).astype(np.float32)
    classes = np.concatenate([new_classes, old_classes[kept]])
    kernel = _gaussian_kernel(points)
    strata = [np.flatnonzero(classes == name) for name in np.unique(new_classes)]
    counts = [int((new_classes == name).sum()) for name in np.unique(new_classes)]
    weights = _Weights(strata, counts, len(points))
    real = np.zeros((1, len(points)), dtype=bool)
    real[0, : len(new)] = True
    found = float(_discrepancies(kernel, weights.of(real))[0])
    generator = np.random.default_rng(seed)

    def reached(size: int) -> np.ndarray:
        labels = np.zeros((size, len(points)), dtype=bool)
        rows = np.arange(size)[:, None]
        for places, count in zip(strata, counts, strict=True):
            labels[rows, places[_choose(generator, size, count, len(places))]] = True
        return _discrepancies(kernel, weights.of(labels)) >= found - 1e-9

    p_value = sequential_p_value(reached(size) for _, size in _chunks(draws))
    return Outcome(max(found, 0.0), p_value)


class _Weights:
    """Weights of points: new ones add up to 1, old ones to -1, each class to nothing."""

    def __init__(self, strata: Sequence[np.ndarray], counts: Sequence[int], size: int) -> None:
        total = sum(counts)
        self._new, self._old = np.zeros(size, np.float32), np.zeros(size, np.float32)
        for places, count in zip(strata, counts, strict=True):
            self._new[places] = 1.0 / total
            self._old[places] = -count / total / (len(places) - count)

    def of(self, is_new: np.ndarray) -> np.ndarray:
        """Return weights (draws, N) for labels (draws, N)."""
        return np.where(is_new, self._new, self._old)


def _discrepancies(kernel: np.ndarray, weights: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.einsum("bi,bi->b", weights @ kernel, weights, dtype=np.float64)
    return found


def _gaussian_kernel(points: np.ndarray) -> np.ndarray:
    """Return the kernel (N, N), float32; which points are new does not enter."""
    squares = (points**2).sum(axis=1)
    away = np.maximum(squares[:, None] + squares[None] - 2.0 * points @ points.T, 0.0)
    step = max(1, len(points) // MEDIAN_OF)
    sample = away[::step, ::step]
    width = float(np.median(sample[np.triu_indices(len(sample), 1)])) or 1.0
    kernel: np.ndarray = np.exp(-away / width)
    return kernel


def exceedance(new_above: int, sizes: Sequence[tuple[int, int, int]]) -> float:
    """Return how likely it is that so many new images are above their thresholds, without drift.

    A threshold is the r-th smallest of n normal scores; of k further normal images a number is
    above it that has a beta-binomial distribution with parameters n + 1 - r and r, exactly.

    Args:
        new_above: Number of new images above their class's threshold.
        sizes: Per class: new images k, normal scores n, and how many of those are above.

    Returns:
        Probability of that number or more.
    """
    total = np.ones(1)
    for k, n, above in sizes:
        law = betabinom(k, above + 1, max(n - above, 1)).pmf(np.arange(k + 1))
        total = np.convolve(total, law)
    return float(min(1.0, max(0.0, total[new_above:].sum())))
