"""Exact metrics of image scores and anomaly maps; numpy and scipy alone."""

from rlr.evaluation.metrics.curves import Curve, precision_recall_curve, pro_curve, roc_curve
from rlr.evaluation.metrics.ranking import (
    Ranking,
    rank_images,
    rank_pixels,
    rank_pixels_by_class,
)
from rlr.evaluation.metrics.values import (
    Values,
    aupro,
    aupro_key,
    aupro_values,
    image_metrics,
    metric_title,
    pixel_metrics,
    threshold_values,
)

__all__ = [
    "Curve",
    "Ranking",
    "Values",
    "aupro",
    "aupro_key",
    "aupro_values",
    "image_metrics",
    "metric_title",
    "pixel_metrics",
    "precision_recall_curve",
    "pro_curve",
    "rank_images",
    "rank_pixels",
    "rank_pixels_by_class",
    "roc_curve",
    "threshold_values",
]
