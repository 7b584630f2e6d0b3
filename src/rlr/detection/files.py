"""Predictions of image files of which some may be damaged."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from rlr.detection.detector import Detector, Prediction
from rlr.foundation.errors import UserError


def predict_files(
    detector: Detector, paths: Sequence[Path], classes: Sequence[str | None] | None = None
) -> list[Prediction | None]:
    """Score a batch of image files.

    Args:
        detector: The detector.
        paths: Image files; as many as may be in the memory at once.
        classes: Class of each, or None where unknown; it chooses the threshold only.

    Returns:
        One prediction a file; None where the file cannot be decoded.
    """
    with ThreadPoolExecutor() as readers:
        images = list(readers.map(lambda path: _read(detector, path), paths))
    fine = [place for place, image in enumerate(images) if image is not None]
    names = None if classes is None else [classes[place] for place in fine]
    made = detector.predict([image for image in images if image is not None], names)
    predictions: list[Prediction | None] = [None] * len(paths)
    for place, prediction in zip(fine, made, strict=True):
        predictions[place] = prediction
    return predictions


def _read(detector: Detector, path: Path) -> np.ndarray | None:
    try:
        return detector.read(path)
    except UserError:
        return None
