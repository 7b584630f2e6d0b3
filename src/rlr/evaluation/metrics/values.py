"""Metrics as numbers: scikit-learn's definitions, and MVTec's of AUPRO, computed exactly."""

from collections.abc import Sequence

import numpy as np

from rlr.evaluation.metrics.curves import pro_curve, roc_curve
from rlr.evaluation.metrics.ranking import Arrays, Ranking, rank_images, rank_pixels

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
    return threshold_values(rank_images(labels, scores), "image")


def pixel_metrics(masks: Arrays, maps: Arrays) -> Values:
    """Measure anomaly maps, all pixels of all maps together.

    Args:
        masks: One (H, W) a map, defective where not zero; an array (N, H, W), or a sequence
            whose items may differ in size.
        maps: Anomaly maps of the same sizes, greater is more anomalous.

    Returns:
        `pixel_auroc`, `pixel_ap` and `pixel_f1max`; None where no pixel is defective, or all are.

    Raises:
        ValueError: Numbers or sizes differ, or a score is not finite.
    """
    return threshold_values(rank_pixels(masks, maps), "pixel")


def aupro(masks: Arrays, maps: Arrays, limit: float = 0.3) -> float | None:
    """Measure the area under the per-region overlap curve, as MVTec's evaluation script does.

    Args:
        masks: As for `pixel_metrics`, at native resolution.
        maps: As for `pixel_metrics`.
        limit: False-positive rate up to which the curve is integrated; the area is divided by it.

    Returns:
        A share of 1, or None where no pixel is defective, or all are.

    Raises:
        ValueError: Numbers or sizes differ, a score is not finite, or the limit is not in (0, 1].
    """
    return aupro_values(rank_pixels(masks, maps), [limit])[aupro_key(limit)]


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


def threshold_values(ranking: Ranking, prefix: str) -> Values:
    """Return AUROC, average precision and greatest F1 of a ranking."""
    names = [f"{prefix}_{name}" for name in ("auroc", "ap", "f1max")]
    if not ranking.defined:
        return dict.fromkeys(names)
    metrics = (roc_curve(ranking).area(), _average_precision(ranking), _greatest_f1(ranking))
    return dict(zip(names, metrics, strict=True))


def aupro_values(ranking: Ranking, limits: Sequence[float]) -> Values:
    """Return AUPRO up to each limit, all from one curve."""
    for limit in limits:
        if not 0.0 < limit <= 1.0:
            raise ValueError(f"limit {limit} is no false-positive rate in (0, 1]")
    if not ranking.defined:
        return {aupro_key(limit): None for limit in limits}
    curve = pro_curve(ranking)
    return {aupro_key(limit): curve.area(limit) for limit in limits}


def _average_precision(ranking: Ranking) -> float:
    gained = np.diff(ranking.true_positives, prepend=0) / ranking.positives
    precision = ranking.true_positives / (ranking.true_positives + ranking.false_positives)
    return float(gained @ precision)


def _greatest_f1(ranking: Ranking) -> float:
    called = ranking.true_positives + ranking.false_positives
    return float((2.0 * ranking.true_positives / (called + ranking.positives)).max())
