"""What each image adds to the metrics of one model, so that a draw of images is a sum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np
import pandas as pd

from rlr.config.evaluation import EvaluationConfig
from rlr.evaluation.metrics import Values
from rlr.evaluation.scored import ScoredSet


class Truth(Interface):
    """Which pixels are defective; `evaluation.ground_truth.GroundTruth` is one.

    Attributes:
        known: Places of the images whose pixels are known.
    """

    known: list[int]

    def mask(self, place: int) -> np.ndarray: ...


@dataclass(frozen=True)
class PixelCounts:
    """Pixels of each of M images of one class above each of T falling thresholds.

    Attributes:
        places: Places of the images among those of the class (M,).
        negatives: Defect-free pixels with a score of at least the threshold (M, T), float32.
        positives: Defective pixels likewise (M, T), float32.
        overlap: Sum over the image's defect regions of their share found (M, T), float32.
        regions: Number of its regions (M,), float32.
        single: Whether all pixels between a threshold and the one before are tied (T,).
    """

    places: np.ndarray
    negatives: np.ndarray
    positives: np.ndarray
    overlap: np.ndarray
    regions: np.ndarray
    single: np.ndarray


@dataclass(frozen=True)
class Contributions:
    """All that the gate keeps of one model's pass over the test images.

    Attributes:
        frame: One row an image: path, class, label, group, defective, image_score, is_anomalous.
        pixels: Counts of each class that has masks.
        per_class: The exact metrics by class and name, protocol `default`.
        mean: Their mean over the classes where each is defined.
        aupro: Name of the AUPRO that counts, to the first of `evaluation.aupro_limits`.
    """

    frame: pd.DataFrame
    pixels: dict[str, PixelCounts]
    per_class: Mapping[str, Values]
    mean: Values
    aupro: str


def contributions(
    scored: ScoredSet, truth: Truth, evaluation: EvaluationConfig, bins: int
) -> Contributions:
    """Reduce one model's scored test images to what each image adds to the metrics.

    The maps are looked at image by image, so they may lie on disk, and may be deleted afterwards.

    Args:
        scored: Test images with scores and maps; the frame has the column `is_anomalous`
            (`collect(..., ["threshold", "is_anomalous"])`).
        truth: Their defective pixels (`GroundTruth(manifest, scored.frame)`).
        evaluation: Limits of AUPRO.
        bins: Number of bins of a class, `gate.bins`.

    Returns:
        A few megabytes, whatever the size of the maps.
    """
    raise NotImplementedError
