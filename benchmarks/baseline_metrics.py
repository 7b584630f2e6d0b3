"""The metrics as they are commonly computed: what this project's are compared with.

AUPRO over a grid of thresholds: at each, the maps become pictures of found and not found, the
regions of every mask are labelled, each is asked for its share, and the false positives are counted
in a picture of their own. AUROC, average precision and F1-max are scikit-learn's, each with a sort
of its own. Everything is in memory. Each habit that costs without need can be switched off alone;
with all distinct scores as thresholds the same code is exact, so that only the grid is wrong.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from sklearn.metrics import (
    auc,
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

EIGHT_CONNECTED = np.ones((3, 3), dtype=int)
THRESHOLDS = 1000


@dataclass(frozen=True)
class MetricHabits:
    """What is done over and over though once would do.

    Attributes:
        relabel: Regions are labelled at every threshold, not once.
        repaint: False positives are counted in a picture of the negatives that is made at every
            threshold, not among scores of negatives that were picked out once.
        resort: Each of scikit-learn's metrics sorts the scores anew.
    """

    relabel: bool = True
    repaint: bool = True
    resort: bool = True


PUBLISHED = MetricHabits()
Region = tuple[int, tuple[np.ndarray, np.ndarray]]  # which map, rows and columns


def baseline_metrics(
    masks: np.ndarray,
    maps: np.ndarray,
    limit: float = 0.3,
    thresholds: int | None = THRESHOLDS,
    habits: MetricHabits = PUBLISHED,
) -> dict[str, float]:
    """Measure anomaly maps.

    Args:
        masks: (N, H, W), bool; there are both kinds of pixels.
        maps: (N, H, W), float32.
        limit: False-positive rate that AUPRO is integrated to.
        thresholds: Size of the grid, evenly from the least score to the greatest; None: all
            distinct scores.
        habits: How it is computed.

    Returns:
        `aupro`, `pixel_auroc`, `pixel_ap`, `pixel_f1max`.
    """
    found = {"aupro": baseline_aupro(masks, maps, limit, thresholds, habits)}
    return found | baseline_threshold_metrics(masks.ravel(), maps.ravel(), habits)


def baseline_aupro(
    masks: np.ndarray,
    maps: np.ndarray,
    limit: float = 0.3,
    thresholds: int | None = THRESHOLDS,
    habits: MetricHabits = PUBLISHED,
) -> float:
    """Return AUPRO over a grid of thresholds; arguments as for `baseline_metrics`."""
    regions = list(_regions(masks))
    negatives = maps[~masks]
    points = []
    for threshold in _grid(maps, thresholds)[::-1]:
        found = maps > threshold
        if habits.relabel:
            regions = list(_regions(masks))
        overlap = np.mean([found[place][pixels].mean() for place, pixels in regions])
        if habits.repaint:
            background = ~masks
            alarms = (background & found).sum() / background.sum()
        else:
            alarms = np.count_nonzero(negatives > threshold) / len(negatives)
        points.append((alarms, overlap))
    return _area(np.array(points), limit)


def baseline_threshold_metrics(
    truth: np.ndarray, scores: np.ndarray, habits: MetricHabits = PUBLISHED
) -> dict[str, float]:
    """Return AUROC, average precision and greatest F1 of scores (P,), truth (P,) bool."""
    if habits.resort:
        precision, recall, _ = precision_recall_curve(truth, scores)
        area, mean = roc_auc_score(truth, scores), average_precision_score(truth, scores)
    else:
        alarms, recall, _ = roc_curve(truth, scores, drop_intermediate=False)
        hits, area = recall * truth.sum(), auc(alarms, recall)
        called = hits + alarms * (~truth).sum()
        precision = np.divide(hits, called, out=np.ones_like(hits), where=called > 0)
        mean = np.sum(np.diff(recall) * precision[1:])
    both = precision + recall
    f1 = np.divide(2 * precision * recall, both, out=np.zeros_like(both), where=both > 0)
    return {"pixel_auroc": float(area), "pixel_ap": float(mean), "pixel_f1max": float(f1.max())}


def _grid(maps: np.ndarray, thresholds: int | None) -> np.ndarray:
    if thresholds is None:
        return np.concatenate([[-np.inf], np.unique(maps)]).astype(maps.dtype)
    return np.linspace(maps.min(), maps.max(), thresholds, dtype=maps.dtype)


def _regions(masks: np.ndarray) -> Iterator[Region]:
    for place, mask in enumerate(masks):
        labels, _ = ndimage.label(mask, structure=EIGHT_CONNECTED)
        for number, window in enumerate(ndimage.find_objects(labels), start=1):
            rows, columns = np.nonzero(labels[window] == number)
            yield place, (rows + window[0].start, columns + window[1].start)


def _area(points: np.ndarray, limit: float) -> float:
    """Integrate overlap over false-positive rate up to the limit, and divide by it."""
    x, y = np.concatenate([[[0.0, 0.0]], points]).T
    inside = x <= limit
    end = np.interp(limit, x, y)
    return float(np.trapezoid(np.append(y[inside], end), np.append(x[inside], limit))) / limit
