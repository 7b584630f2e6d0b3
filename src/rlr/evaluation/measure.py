"""All metrics and curves of one method under one protocol: per class, their mean, and pooled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rlr.config.evaluation import EvaluationConfig
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.metrics import (
    Curve,
    Ranking,
    Values,
    aupro_values,
    precision_recall_curve,
    pro_curve,
    rank_images,
    rank_pixels,
    rank_pixels_by_class,
    roc_curve,
    threshold_values,
)
from rlr.evaluation.protocols import Protocol
from rlr.evaluation.scored import ScoredSet

Curves = dict[str, Curve | None]
AXES = {
    "image_roc": ("false_positive_rate", "true_positive_rate"),
    "image_precision_recall": ("recall", "precision"),
    "pixel_roc": ("false_positive_rate", "true_positive_rate"),
    "pixel_precision_recall": ("recall", "precision"),
    "pro": ("false_positive_rate", "overlap"),
}


@dataclass(frozen=True)
class Measured:
    """Metrics and thinned curves; what is undefined is None.

    Attributes:
        per_class: Metrics of each class.
        mean: Mean of each metric over the classes where it is defined.
        pooled: Metrics over all images, or pixels, of all classes together.
        class_curves: Curves of each class, by the names in `AXES`.
        pooled_curves: Curves of all classes together.
    """

    per_class: dict[str, Values]
    mean: Values
    pooled: Values
    class_curves: dict[str, Curves]
    pooled_curves: Curves

    def metrics(self) -> dict[str, Any]:
        """Return the metrics as they stand in metrics.json."""
        return {"per_class": self.per_class, "mean": self.mean, "pooled": self.pooled}

    def curves(self) -> dict[str, Any]:
        """Return the curves as they stand in curves.json."""
        return {
            "per_class": {name: _as_lists(curves) for name, curves in self.class_curves.items()},
            "pooled": _as_lists(self.pooled_curves),
        }


def measure(
    protocol: Protocol, scored: ScoredSet, truth: GroundTruth, config: EvaluationConfig
) -> Measured:
    """Measure scored images under a protocol.

    Args:
        protocol: What is held against what.
        scored: The images with their scores and maps.
        truth: Their defective pixels, where known.
        config: Limits of AUPRO, points of a curve.

    Returns:
        Metrics with the keys `aupro_*`, `pixel_*`, `image_*`, and the curves.
    """
    places = truth.known
    classes = scored.frame["class"]
    masks, maps = protocol.masks(scored, truth), protocol.maps(scored, truth)
    pixels, all_pixels = rank_pixels_by_class(masks, maps, [classes[place] for place in places])
    per_class: dict[str, Values] = {}
    class_curves: dict[str, Curves] = {}
    for name in scored.classes:
        images = _rank_images(scored.frame[classes == name])
        rankings = images, pixels.get(name, rank_pixels([], []))
        per_class[name] = _values(*rankings, config.aupro_limits)
        class_curves[name] = _curves(*rankings, config)
    images = _rank_images(scored.frame)
    pooled = _values(images, all_pixels, config.aupro_limits)
    return Measured(
        per_class,
        mean_of(per_class, list(pooled)),
        pooled,
        class_curves,
        _curves(images, all_pixels, config),
    )


def mean_of(per_class: Mapping[str, Values], keys: Sequence[str]) -> Values:
    """Return the mean of each metric over the classes where it is defined, or None."""
    mean: Values = {}
    for key in keys:
        values = [value for metrics in per_class.values() if (value := metrics[key]) is not None]
        mean[key] = sum(values) / len(values) if values else None
    return mean


def _rank_images(frame: pd.DataFrame) -> Ranking:
    return rank_images(frame["defective"].to_numpy().astype(int), frame["image_score"].to_numpy())


def _values(images: Ranking, pixels: Ranking, limits: Sequence[float]) -> Values:
    return {
        **aupro_values(pixels, limits),
        **threshold_values(pixels, "pixel"),
        **threshold_values(images, "image"),
    }


def _curves(images: Ranking, pixels: Ranking, config: EvaluationConfig) -> Curves:
    limit, points = max(config.aupro_limits), config.curve_points

    def drawn(draw: Callable[[Ranking], Curve], ranking: Ranking) -> Curve | None:
        return draw(ranking).thinned(points) if ranking.defined else None

    return {
        "image_roc": drawn(roc_curve, images),
        "image_precision_recall": drawn(precision_recall_curve, images),
        "pixel_roc": drawn(roc_curve, pixels),
        "pixel_precision_recall": drawn(precision_recall_curve, pixels),
        "pro": drawn(lambda ranking: pro_curve(ranking).up_to(limit), pixels),
    }


def _as_lists(curves: Curves) -> dict[str, dict[str, list[float]] | None]:
    return {
        name: None
        if curve is None
        else {
            AXES[name][0]: curve.x.tolist(),
            AXES[name][1]: curve.y.tolist(),
            "threshold": curve.threshold.tolist(),
        }
        for name, curve in curves.items()
    }
