"""Exact metrics of image scores and anomaly maps; numpy and scipy alone."""

from rlr.evaluation.metrics.curves import Curve, precision_recall_curve, pro_curve, roc_curve
from rlr.evaluation.metrics.pixels import rank_pixels, rank_survey, survey_pixels
from rlr.evaluation.metrics.ranking import Positives, Ranking, Tally, rank_images
from rlr.evaluation.metrics.survey import Survey
from rlr.evaluation.metrics.values import (
    Sweep,
    Values,
    aupro,
    aupro_key,
    image_metrics,
    metric_title,
    pixel_metrics,
)

__all__ = [
    "Curve",
    "Positives",
    "Ranking",
    "Survey",
    "Sweep",
    "Tally",
    "Values",
    "aupro",
    "aupro_key",
    "image_metrics",
    "metric_title",
    "pixel_metrics",
    "precision_recall_curve",
    "pro_curve",
    "rank_images",
    "rank_pixels",
    "rank_survey",
    "roc_curve",
    "survey_pixels",
]
