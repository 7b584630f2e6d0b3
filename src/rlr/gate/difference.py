"""The difference between two models in one metric, and how sure it is.

Everything here is linear: the difference of a mean is the mean of the differences, draw by draw
and group by group.

The interval is the percentile interval of the draws with both ends stretched away from the
estimate by t(df) / z. The degrees of freedom are the number of images that decide, less one for
each of the two kinds of images, whose mean the influences are counted from: where two models differ
on four images of three hundred, an interval knows as much as four images tell, and the percentile
interval alone would promote one in sixteen pairs of equals.

With several trainings of the candidate's configuration each draw also gets sqrt(2) s T, s being
the standard deviation between the trainings and T Student's t with k - 1 degrees of freedom: the
candidate and the champion are one training each, with luck of their own.

Sources: Hesterberg, "What Teachers Should Know About the Bootstrap", The American Statistician 69
(2015), on percentile intervals that are too narrow for few images; Kish, "Survey Sampling", 1965,
on effective numbers; Fisher's solution of the Behrens-Fisher problem for the sum of the two
errors; Bouthillier et al., "Accounting for Variance in Machine Learning Benchmarks", MLSys 2021,
on why seeds count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtri, stdtr, stdtrit

from rlr.gate.resampling import generator
from rlr.gate.result import Interval

NO_WIDTH = 1e-6  # of a metric: what float32 sums leave between equals
MANY = 1e6  # degrees of freedom from which t is normal
KINDS = 2  # of images: normal and defective


@dataclass(frozen=True)
class Difference:
    """Candidate minus champion.

    Attributes:
        estimate: On the images as they are, exact.
        draws: In each draw (D,).
        influences: What each group of images moves it by (G,); the sum of the squares is the
            jackknife's variance.
        blind: Half the width that an interval has where no image told the models apart; 0: they
            say exactly the same of every image.
        seeds: The candidate's metric in each of its k trainings (k,).
        tail: Share of the draws beyond each end, (1 - `gate.confidence`) / 2.
    """

    estimate: float
    draws: np.ndarray
    influences: np.ndarray
    blind: float
    seeds: np.ndarray
    tail: float

    @property
    def has_width(self) -> bool:
        """Whether any draw differs from another."""
        return bool(np.ptp(self.draws) > NO_WIDTH)

    @cached_property
    def deciding(self) -> float:
        """Effective number of groups of images that the difference rests on."""
        squares = self.influences**2
        total = float((squares**2).sum())
        return float(squares.sum()) ** 2 / total if total > 0 else 0.0

    @property
    def seed_deviation(self) -> float:
        """Standard deviation between the candidate's trainings; 0 where there is one."""
        return float(self.seeds.std(ddof=1)) if len(self.seeds) > 1 else 0.0

    def interval(self) -> Interval:
        """Return estimate and ends."""
        return Interval(
            estimate=self.estimate, lower=self.lower(self.tail), upper=self.upper(self.tail)
        )

    def lower(self, tail: float) -> float:
        """Return the end that the difference is below with probability `tail`."""
        return self.estimate - self._reach[0] * self._stretch(tail) - self._blindness

    def upper(self, tail: float) -> float:
        """Return the end that the difference is above with probability `tail`."""
        return self.estimate + self._reach[1] * self._stretch(tail) + self._blindness

    def chance_above(self, value: float) -> float:
        """Return the tail whose upper end is `value`: how likely the difference is above it."""
        way = value - self.estimate - self._blindness
        if self._reach[1] == 0.0:
            return float(way <= 0.0)
        return float(stdtr(self._freedom, -way / self._reach[1] * -ndtri(self.tail)))

    @cached_property
    def _reach(self) -> tuple[float, float]:
        """How far the percentile interval reaches below and above the estimate."""
        low, high = np.quantile(self._noisy, [self.tail, 1.0 - self.tail])
        return max(self.estimate - float(low), 0.0), max(float(high) - self.estimate, 0.0)

    @property
    def _noisy(self) -> np.ndarray:
        """The draws with the luck of two trainings added."""
        if not self.seed_deviation:
            return self.draws if self.has_width else np.full(1, self.estimate)
        ranks = (np.arange(len(self.draws)) + 0.5) / len(self.draws)
        luck = generator("seeds").permutation(stdtrit(len(self.seeds) - 1, ranks))
        noisy: np.ndarray = self.draws + np.sqrt(2.0) * self.seed_deviation * luck
        return noisy

    @property
    def _blindness(self) -> float:
        return 0.0 if self.has_width else self.blind

    @property
    def _freedom(self) -> float:
        return max(self.deciding - KINDS, 1.0) if self.has_width else MANY

    def _stretch(self, tail: float) -> float:
        return float(stdtrit(self._freedom, tail) / ndtri(self.tail))


def blind_width(groups: int, tail: float) -> float:
    """Return the rule of three: what n images on which nothing was seen do not rule out.

    A difference of that share of images would have shown itself at least once with probability
    1 - tail.

    Source: Hanley and Lippman-Hand, "If Nothing Goes Wrong, Is Everything All Right?",
    JAMA 249 (1983).

    Example:
        >>> round(blind_width(100, 0.05), 4)
        0.0295
    """
    return float(1.0 - tail ** (1.0 / groups))


def over_classes(parts: Mapping[str, Difference], sizes: Mapping[str, int]) -> Difference | None:
    """Return the difference of the mean over classes; None of no class.

    Args:
        parts: The difference of each class where the metric is defined.
        sizes: Number of influences of every class; classes do not share images.
    """
    if not parts:
        return None
    count = len(parts)
    influences = [
        parts[name].influences / count if name in parts else np.zeros(size)
        for name, size in sizes.items()
    ]
    several = list(parts.values())
    # All that was not seen may lie in the class with the fewest images.
    blind = max(part.blind for part in several) / count
    return _mean(several, np.concatenate(influences), blind)


def over_metrics(parts: Sequence[Difference]) -> Difference | None:
    """Return the difference of the plain mean of metrics on the same images; None of none."""
    if not parts:
        return None
    influences = np.mean([part.influences for part in parts], axis=0)
    return _mean(parts, influences, float(np.mean([part.blind for part in parts])))


def _mean(parts: Sequence[Difference], influences: np.ndarray, blind: float) -> Difference:
    return Difference(
        estimate=float(np.mean([part.estimate for part in parts])),
        draws=np.mean([part.draws for part in parts], axis=0),
        influences=influences,
        blind=blind,
        seeds=np.mean([part.seeds for part in parts], axis=0),
        tail=parts[0].tail,
    )
