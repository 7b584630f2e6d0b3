"""A yardstick, not a competitor: how far each pixel is from the mean of the normal images.

A test set that this solves says nothing about a model. Its figures stand beside the model's.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rlr.data.manifest import Manifest
from rlr.data.splits import trainable
from rlr.detection.scoring import image_scores, smooth
from rlr.detection.spec import PreprocessingSpec
from rlr.features.loading import read_batches
from rlr.foundation.progress import track

NAME = "per-pixel mean image"


@dataclass(frozen=True)
class MeanImageScore:
    """Score and maps of one image, in grey values from 0 to 1."""

    image_score: float
    raw_map: np.ndarray
    anomaly_map: np.ndarray


class MeanImage:
    """The mean of a class's normal training images, pixel by pixel.

    The map is the absolute difference from it, averaged over the colours; it is smoothed like
    the model's, and the image score is its greatest value.

    Args:
        means: One array (h, w, 3) a class, float64, values 0 to 255.
        preprocessing: The input size, and how images are read.
        sigma: Of the Gaussian over the map, in pixels.
    """

    def __init__(
        self, means: dict[str, np.ndarray], preprocessing: PreprocessingSpec, sigma: float
    ) -> None:
        self._means, self._preprocessing, self._sigma = means, preprocessing, sigma

    @classmethod
    def fit(cls, manifest: Manifest, preprocessing: PreprocessingSpec, sigma: float) -> "MeanImage":
        """Average the images that a model may be trained on.

        Raises:
            UserError: An image cannot be read.
        """
        sums: dict[str, np.ndarray] = {}
        rows = trainable(manifest)
        stream = _read(manifest, rows, preprocessing)
        for row, image in track(stream, "Averaging normal images", len(rows)):
            name = row["class"]
            sums[name] = sums.get(name, 0.0) + image.astype(np.float64)
        counts = rows["class"].value_counts()
        means = {name: total / counts[name] for name, total in sums.items()}
        return cls(means, preprocessing, sigma)

    def known(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of classes that have normal training images."""
        return frame[frame["class"].isin(list(self._means))].reset_index(drop=True)

    def predict_rows(
        self, manifest: Manifest, rows: pd.DataFrame
    ) -> Iterator[tuple[dict[str, Any], MeanImageScore]]:
        """Score rows of a manifest as a stream; their classes must be known."""
        for row, image in _read(manifest, rows, self._preprocessing):
            difference = np.abs(image - self._means[row["class"]]).mean(axis=2) / 255.0
            raw = difference.astype(np.float32)[None]  # (1, h, w)
            smoothed = smooth(raw, self._sigma)
            yield row, MeanImageScore(float(image_scores(smoothed)[0]), raw[0], smoothed[0])


def _read(
    manifest: Manifest, rows: pd.DataFrame, preprocessing: PreprocessingSpec
) -> Iterator[tuple[dict[str, Any], np.ndarray]]:
    records: Iterator[dict[Any, Any]] = iter(rows.to_dict(orient="records"))
    batches = read_batches(
        [manifest.root / path for path in rows["path"]],
        (preprocessing.height, preprocessing.width),
        preprocessing.white_level,
        batch_size=16,
    )
    for batch in batches:
        for image in batch:
            row: dict[str, Any] = next(records)
            yield row, image
