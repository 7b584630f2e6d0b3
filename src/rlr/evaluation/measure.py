"""All metrics and curves of one method under one protocol: per class, their mean, and pooled."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from rlr.config.evaluation import EvaluationConfig
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.metrics import (
    Curve,
    Survey,
    Sweep,
    Values,
    rank_images,
    rank_survey,
    survey_pixels,
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
        config: Limits of AUPRO, points of a curve, scores held at once.

    Returns:
        Metrics with the keys `aupro_*`, `pixel_*`, `image_*`, and the curves.
    """
    sweeps = dict(_sweep_pixels(protocol, scored, truth, config))
    classes = scored.frame["class"]
    per_class: dict[str, Values] = {}
    class_curves: dict[str, Curves] = {}
    for name in scored.classes:
        images = _sweep_images(scored.frame[classes == name], config)
        pixels = sweeps[name]
        per_class[name], class_curves[name] = _values(images, pixels), _curves(images, pixels)
    images, pixels = _sweep_images(scored.frame, config), sweeps[None]
    pooled = _values(images, pixels)
    mean = mean_of(per_class, list(pooled))
    return Measured(per_class, mean, pooled, class_curves, _curves(images, pixels))


def mean_of(per_class: Mapping[str, Values], keys: Sequence[str]) -> Values:
    """Return the mean of each metric over the classes where it is defined, or None."""
    mean: Values = {}
    for key in keys:
        values = [value for metrics in per_class.values() if (value := metrics[key]) is not None]
        mean[key] = sum(values) / len(values) if values else None
    return mean


def _sweep_images(frame: pd.DataFrame, config: EvaluationConfig) -> Sweep:
    labels = frame["defective"].to_numpy().astype(int)
    ranking = rank_images(labels, frame["image_score"].to_numpy())
    return Sweep.over([ranking], points=config.curve_points)


def _sweep_pixels(
    protocol: Protocol, scored: ScoredSet, truth: GroundTruth, config: EvaluationConfig
) -> Iterator[tuple[str | None, Sweep]]:
    """Yield the pixels of each class, and last, under None, those of all classes together."""
    limits, points, most = config.aupro_limits, config.curve_points, config.scores_held
    pooled = Survey(most)
    for name in scored.classes:
        pairs = protocol.pairs(scored, truth, name)
        survey = survey_pixels(*pairs, most)
        pooled.merge(survey)
        yield name, Sweep.over(rank_survey(survey, *pairs), limits, points)
    pairs = protocol.pairs(scored, truth)
    yield None, Sweep.over(rank_survey(pooled, *pairs), limits, points)


def _values(images: Sweep, pixels: Sweep) -> Values:
    return {**pixels.values("pixel"), **images.values("image")}


def _curves(images: Sweep, pixels: Sweep) -> Curves:
    return {
        "image_roc": images.curve("roc"),
        "image_precision_recall": images.curve("precision_recall"),
        "pixel_roc": pixels.curve("roc"),
        "pixel_precision_recall": pixels.curve("precision_recall"),
        "pro": pixels.curve("pro"),
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
