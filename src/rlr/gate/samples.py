"""A model's metrics of one class in every resample of its images."""

from collections.abc import Callable

import numpy as np

from rlr.gate.contributions import Contributions, PixelCounts
from rlr.gate.resampling import Resamples
from rlr.gate.weighted import Metrics, Overlap, Sums


def sample_metrics(
    model: Contributions, class_name: str, resamples: Resamples, pixels: bool
) -> Metrics:
    """Measure a class in each of R resamples.

    Args:
        model: What its images add.
        class_name: The class.
        resamples: Weights of its images; they are the same for both models.
        pixels: Whether pixel metrics and AUPRO are asked for.

    Returns:
        The metrics by their names in metrics.json, each (R,), float64.
    """
    rows = model.frame[model.frame["class"] == class_name]
    measure = [_images(rows["defective"].to_numpy(), rows["image_score"].to_numpy())]
    if pixels:
        measure.append(_pixels(model.pixels[class_name], model.limits))
    parts: list[Metrics] = []
    for weights in resamples.blocks():
        found: Metrics = {}
        for metrics_of in measure:
            found.update(metrics_of(weights))
        parts.append(found)
    return {name: np.concatenate([part[name] for part in parts], dtype=float) for name in parts[0]}


def _images(defective: np.ndarray, scores: np.ndarray) -> Callable[[np.ndarray], Metrics]:
    """Sort once; a sample is then a cumulative sum."""
    order = np.argsort(-scores)
    falling, defective = scores[order], defective[order]
    last_of_ties = np.append(np.flatnonzero(np.diff(falling)), len(falling) - 1)
    single = np.ones(len(last_of_ties), bool)

    def metrics(weights: np.ndarray) -> Metrics:
        sorted_weights = weights[:, order].astype(np.float64)
        negatives = (sorted_weights * ~defective).cumsum(axis=1)[:, last_of_ties]
        positives = (sorted_weights * defective).cumsum(axis=1)[:, last_of_ties]
        return Sums(negatives, positives, single).metrics("image")

    return metrics


def _pixels(counts: PixelCounts, limits: dict[str, float]) -> Callable[[np.ndarray], Metrics]:
    def metrics(weights: np.ndarray) -> Metrics:
        known = weights[:, counts.places]
        sums = Sums(known @ counts.negatives, known @ counts.positives, counts.single)
        found = known @ counts.overlap / (known @ counts.regions)[:, None]
        return sums.metrics("pixel", Overlap(found, limits))

    return metrics
