"""What each image adds to the metrics of one model, so that a draw of images is a sum."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from rlr.config.evaluation import EvaluationConfig
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.measure import measure
from rlr.evaluation.metrics import Values, aupro_key
from rlr.evaluation.protocols import PROTOCOLS
from rlr.evaluation.scored import ScoredSet
from rlr.gate.binning import (
    Extremes,
    Sketch,
    SortedPixels,
    count_above,
    mass_above,
    thresholds,
)

KEPT = ["path", "class", "label", "group", "defective", "image_score", "is_anomalous"]


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
        limits: `evaluation.aupro_limits` by the names that AUPRO is reported under.
    """

    frame: pd.DataFrame
    pixels: dict[str, PixelCounts]
    per_class: Mapping[str, Values]
    mean: Values
    limits: dict[str, float]

    @cached_property
    def scores(self) -> np.ndarray:
        """The image scores (N,), float64."""
        scores: np.ndarray = self.frame["image_score"].to_numpy(dtype=np.float64)
        return scores


def contributions(
    scored: ScoredSet, truth: GroundTruth, evaluation: EvaluationConfig, bins: int
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
    measured = measure(PROTOCOLS["default"], scored, truth, evaluation)
    return Contributions(
        frame=scored.frame[KEPT].reset_index(drop=True),
        pixels=dict(_pixels(scored, truth, bins)),
        per_class=measured.per_class,
        mean=measured.mean,
        limits={aupro_key(limit): limit for limit in evaluation.aupro_limits},
    )


def _pixels(scored: ScoredSet, truth: GroundTruth, bins: int) -> Iterator[tuple[str, PixelCounts]]:
    classes = scored.frame["class"].to_numpy()
    for name in scored.classes:
        own = np.flatnonzero(classes == name)
        known = np.intersect1d(own, truth.known)
        if len(known):  # then there is a defective image with a mask
            images = _Images(scored, truth, known)
            yield name, _count(images, np.searchsorted(own, known), bins)


class _Images:
    """The sorted pixels of some images, made when they are asked for, and not kept."""

    def __init__(self, scored: ScoredSet, truth: GroundTruth, places: np.ndarray) -> None:
        self._scored, self._truth, self._places = scored, truth, places.tolist()

    def __iter__(self) -> Iterator[SortedPixels]:
        protocol = PROTOCOLS["default"]
        for place in self._places:
            scores = protocol.map_of(self._scored, self._truth, place)
            yield SortedPixels.of(scores, protocol.mask_of(self._scored, self._truth, place))


def _count(images: Iterable[SortedPixels], places: np.ndarray, bins: int) -> PixelCounts:
    falling = _thresholds(images, bins)
    extremes = Extremes(falling)
    negatives, positives, overlap, regions = [], [], [], []
    for image in images:
        negatives.append(count_above(image.negatives, falling))
        positives.append(count_above(image.positives, falling))
        overlap.append(mass_above(image.positives, image.shares, falling))
        regions.append(image.regions)
        extremes.add(image.negatives)
        extremes.add(image.positives)
    return PixelCounts(
        places,
        np.array(negatives, np.float32),
        np.array(positives, np.float32),
        np.array(overlap, np.float32),
        np.array(regions, np.float32),
        extremes.single,
    )


def _thresholds(images: Iterable[SortedPixels], bins: int) -> np.ndarray:
    negatives, positives = [], []
    for image in images:
        if len(image.negatives):
            negatives.append(Sketch.of(image.negatives))
        if len(image.positives):
            positives.append(Sketch.of(image.positives))
    return thresholds(negatives, positives, bins)
