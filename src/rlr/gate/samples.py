"""A model's metrics of one class in every resample of its images."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from rlr.gate.contributions import PixelCounts
from rlr.gate.resampling import Resamples
from rlr.gate.weighted import Metrics, Overlap, Sums


@dataclass(frozen=True)
class Pixels:
    """Counts of a class's pixels, and the limits of AUPRO by name."""

    counts: PixelCounts
    limits: Mapping[str, float]


def sample_metrics(
    resamples: Resamples, defective: np.ndarray, scores: np.ndarray, pixels: Pixels | None
) -> Metrics:
    """Measure a model on a class in each of R resamples.

    Args:
        resamples: Weights of the N images; they are the same for both models.
        defective: Which images are defective (N,), bool.
        scores: The model's image scores (N,).
        pixels: What its maps say; None: pixel metrics and AUPRO are not asked for.

    Returns:
        The metrics by their names in metrics.json, each (R,), float64.
    """
    measure = [_images(defective, scores)]
    if pixels is not None:
        measure.append(_pixels(pixels.counts, pixels.limits))
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


def _pixels(counts: PixelCounts, limits: Mapping[str, float]) -> Callable[[np.ndarray], Metrics]:
    def metrics(weights: np.ndarray) -> Metrics:
        known = weights[:, counts.places]
        sums = Sums(known @ counts.negatives, known @ counts.positives, counts.single)
        found = known @ counts.overlap / (known @ counts.regions)[:, None]
        return sums.metrics("pixel", Overlap(found, limits))

    return metrics
