"""Intervals of image metrics, by the gate's stratified bootstrap over the images of a class."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from rlr.config.gate import GateConfig

METRICS = ("image_auroc", "image_ap")
Intervals = Mapping[str, Mapping[str, tuple[float, float]]]


def image_intervals(scores: pd.DataFrame, data_version: str, settings: GateConfig) -> Intervals:
    """Return the percentile interval of each image metric of each class.

    Args:
        scores: One row a test image: path, class, label, image_score.
        data_version: Seeds the draws.
        settings: Number of draws and level.

    Returns:
        By class and metric, the ends; a class without both normal and defective images is left
        out, for its metrics are not defined.
    """
    from rlr.data.manifest import is_defective
    from rlr.gate.contributions import Contributions

    frame = scores.assign(defective=is_defective(scores))
    model = Contributions(frame, {}, {}, {}, {})
    return {
        str(name): _intervals(model, str(name), rows, data_version, settings)
        for name, rows in frame.groupby("class")
        if rows["defective"].nunique() == 2
    }


def _intervals(
    model: object, name: str, rows: pd.DataFrame, data_version: str, settings: GateConfig
) -> dict[str, tuple[float, float]]:
    from rlr.gate.resampling import resample
    from rlr.gate.samples import sample_metrics

    kinds = np.where(rows["defective"], "defective", "normal")
    # The stored scores do not tell which images show one part, so each stands for itself.
    groups = rows["path"].to_numpy(dtype=str)
    resamples = resample(kinds, groups, settings.draws, (data_version, name))
    metrics = sample_metrics(model, name, resamples, pixels=False)  # type: ignore[arg-type]
    tail = (1 - settings.confidence) / 2
    first = 1 + resamples.left_out  # behind the images as they are, and the jackknife's
    return {
        metric: (
            float(np.quantile(metrics[metric][first:], tail)),
            float(np.quantile(metrics[metric][first:], 1 - tail)),
        )
        for metric in METRICS
    }
