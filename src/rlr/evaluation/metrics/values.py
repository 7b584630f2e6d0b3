"""Metrics as numbers: scikit-learn's definitions, and MVTec's of AUPRO, computed exactly."""

from collections.abc import Iterable, Sequence

import numpy as np

from rlr.evaluation.metrics.curves import Curve, precision_recall_curve, pro_curve, roc_curve
from rlr.evaluation.metrics.pixels import HELD, Arrays, rank_pixels
from rlr.evaluation.metrics.ranking import Ranking, rank_images

Values = dict[str, float | None]

TITLES = {"auroc": "AUROC", "ap": "AP", "f1max": "F1-max"}


def image_metrics(labels: np.ndarray, scores: np.ndarray) -> Values:
    """Measure image scores.

    Args:
        labels: 0 for normal, 1 for defective, (N,).
        scores: Image scores (N,), greater is more anomalous.

    Returns:
        `image_auroc`, `image_ap` (average precision) and `image_f1max`, the greatest F1 of any
        threshold; None where the images are all normal or all defective.

    Raises:
        ValueError: Shapes differ, a label is neither 0 nor 1, or a score is not finite.

    Example:
        >>> image_metrics(np.array([0, 0, 1, 1]), np.array([0.1, 0.4, 0.3, 0.9]))["image_auroc"]
        0.75
    """
    return Sweep.over([rank_images(labels, scores)]).values("image")


def pixel_metrics(masks: Arrays, maps: Arrays, most: int = HELD) -> Values:
    """Measure anomaly maps, all pixels of all maps together.

    Args:
        masks: One (H, W) a map, defective where not zero; an array (N, H, W), or a sequence
            whose items may differ in size.
        maps: Anomaly maps of the same sizes, greater is more anomalous.
        most: How many scores are held at once, see `rank_pixels`.

    Returns:
        `pixel_auroc`, `pixel_ap` and `pixel_f1max`; None where no pixel is defective, or all are.

    Raises:
        ValueError: Numbers or sizes differ, or a score is not finite.
    """
    return Sweep.over(rank_pixels(masks, maps, most)).values("pixel")


def aupro(masks: Arrays, maps: Arrays, limit: float = 0.3, most: int = HELD) -> float | None:
    """Measure the area under the per-region overlap curve, as MVTec's evaluation script does.

    Args:
        masks: As for `pixel_metrics`, at native resolution.
        maps: As for `pixel_metrics`.
        limit: False-positive rate up to which the curve is integrated; the area is divided by it.
        most: How many scores are held at once, see `rank_pixels`.

    Returns:
        A share of 1, or None where no pixel is defective, or all are.

    Raises:
        ValueError: Numbers or sizes differ, a score is not finite, or the limit is not in (0, 1].
    """
    sweep = Sweep([limit])
    for part in rank_pixels(masks, maps, most):
        sweep.add(part)
        if part.end.false_positives >= limit * part.totals.negatives:
            break  # what comes then lies beyond the limit
    return sweep.values("pixel")[aupro_key(limit)]


def aupro_key(limit: float) -> str:
    """Return the name under which AUPRO up to a limit is reported.

    Example:
        >>> aupro_key(0.3)
        'aupro_0.30'
    """
    return f"aupro_{limit:.2f}"


def metric_title(key: str) -> str:
    """Return how a metric is called in a table.

    Example:
        >>> metric_title("pixel_f1max"), metric_title("aupro_0.30")
        ('Pixel F1-max', 'AUPRO 0.30')
    """
    level, _, name = key.partition("_")
    return f"AUPRO {name}" if level == "aupro" else f"{level.capitalize()} {TITLES[name]}"


class Sweep:
    """Metrics and curves of a ranking, from its parts as they come, the greatest scores first.

    Args:
        limits: False-positive rates that AUPRO is integrated to.
        points: Greatest number of points of a curve; 0: no curves are kept.

    Raises:
        ValueError: A limit is not in (0, 1].

    Example:
        >>> sweep = Sweep()
        >>> sweep.add(rank_images(np.array([0, 1]), np.array([0.1, 0.9])))
        >>> sweep.values("image")
        {'image_auroc': 1.0, 'image_ap': 1.0, 'image_f1max': 1.0}
    """

    def __init__(self, limits: Sequence[float] = (), points: int = 0) -> None:
        for limit in limits:
            if not 0.0 < limit <= 1.0:
                raise ValueError(f"limit {limit} is no false-positive rate in (0, 1]")
        self._overlap = dict.fromkeys(limits, 0.0)
        self._points = points
        self._curves: dict[str, Curve] = {}
        self._roc = self._precision = self._f1 = 0.0
        self._defined = False

    @classmethod
    def over(
        cls, parts: Iterable[Ranking], limits: Sequence[float] = (), points: int = 0
    ) -> "Sweep":
        """Return a sweep that has taken in all parts; arguments as for the class."""
        sweep = cls(limits, points)
        for part in parts:
            sweep.add(part)
        return sweep

    def add(self, part: Ranking) -> None:
        """Take in the next part."""
        self._defined = part.totals.defined
        if not self._defined:
            return
        roc, pro = roc_curve(part), pro_curve(part)
        self._roc += roc.area()
        for limit in self._overlap:
            self._overlap[limit] += pro.area(limit)
        self._precision += _average_precision(part)
        self._f1 = max(self._f1, _greatest_f1(part))
        if self._points:
            self._draw("roc", roc)
            self._draw("precision_recall", precision_recall_curve(part))
            self._draw("pro", pro.up_to(max(self._overlap, default=1.0)))

    def values(self, prefix: str) -> Values:
        """Return AUROC, average precision and greatest F1, and AUPRO up to each limit.

        Args:
            prefix: What stands before the name of each but AUPRO: `image`, or `pixel`.

        Returns:
            The metrics by name; None where there were no positives or no negatives.
        """
        found = {
            **{aupro_key(limit): area for limit, area in self._overlap.items()},
            f"{prefix}_auroc": self._roc,
            f"{prefix}_ap": self._precision,
            f"{prefix}_f1max": self._f1,
        }
        return {name: value if self._defined else None for name, value in found.items()}

    def curve(self, name: str) -> Curve | None:
        """Return a thinned curve; None where the metrics are None.

        Args:
            name: `roc`, `precision_recall`, or `pro`, which ends at the greatest limit.
        """
        curve = self._curves.get(name)
        return None if curve is None else curve.thinned(self._points)

    def _draw(self, name: str, part: Curve) -> None:
        thin = part.thinned(self._points)
        before = self._curves.get(name)
        self._curves[name] = thin if before is None else before.joined(thin)


def _average_precision(part: Ranking) -> float:
    gained = np.diff(part.true_positives, prepend=part.start.true_positives)
    precision = part.true_positives / (part.true_positives + part.false_positives)
    return float(gained @ precision) / part.totals.positives


def _greatest_f1(part: Ranking) -> float:
    called = part.true_positives + part.false_positives
    return float((2.0 * part.true_positives / (called + part.totals.positives)).max(initial=0.0))
