"""The images to judge: each with what a model says of it, the least normal first."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rlr.detection.detector import Detector, Prediction
from rlr.detection.files import predict_files
from rlr.detection.heatmap import overlay
from rlr.evaluation.report.pictures import data_uri, thumbnail
from rlr.foundation.progress import track


@dataclass(frozen=True)
class Candidate:
    """An image that nobody has judged.

    Attributes:
        path: Relative to the root.
        class_name: Product class.
        sha256: Of the file's bytes.
        score: Image score; None: no model has scored it, or it cannot be decoded.
        rank: Place in its class, from 1, the least normal first; None without a score.
        threshold: Threshold of its class, or for an unknown class the one for all; None likewise.
        heatmap: Heat map over the image, as a data URI; "" where none was drawn.
    """

    path: str
    class_name: str
    sha256: str
    score: float | None = None
    rank: int | None = None
    threshold: float | None = None
    heatmap: str = ""


def rank(candidates: Iterable[Candidate], limit: int | None = None) -> list[Candidate]:
    """Return the images class by class, the least normal first, those without a score last.

    Args:
        candidates: The images.
        limit: How many of each class are wanted; None: all.

    Example:
        >>> rank([Candidate("a", "bolt", "", 1.0), Candidate("b", "bolt", "", 2.0)])[0].path
        'b'
    """
    ordered = sorted(candidates, key=lambda each: (each.class_name, _depth(each), each.path))
    ranked: list[Candidate] = []
    place, current = 0, ""
    for candidate in ordered:
        place = place + 1 if candidate.class_name == current else 1
        current = candidate.class_name
        if limit is None or place <= limit:
            scored = candidate.score is not None
            ranked.append(replace(candidate, rank=place if scored else None))
    return ranked


def look_at(
    detector: Detector, root: Path, candidates: Sequence[Candidate], draw: bool
) -> Iterator[Candidate]:
    """Yield the images with what a detector says of them.

    Args:
        detector: The detector.
        root: Folder that the paths are relative to.
        candidates: The images.
        draw: Whether to draw heat maps.
    """
    known = detector.spec.thresholds.per_class
    for start in track(range(0, len(candidates), detector.batch_size), "Scoring unjudged images"):
        batch = candidates[start : start + detector.batch_size]
        paths = [root / each.path for each in batch]
        classes = [each.class_name if each.class_name in known else None for each in batch]
        found = predict_files(detector, paths, classes)
        for candidate, path, prediction in zip(batch, paths, found, strict=True):
            if prediction is None:
                yield replace(candidate, score=None)
                continue
            yield replace(
                candidate,
                score=prediction.image_score,
                threshold=prediction.threshold,
                heatmap=_draw(detector, path, prediction) if draw else "",
            )


def _draw(detector: Detector, path: Path, prediction: Prediction) -> str:
    small = thumbnail(detector.read(path))
    return data_uri(overlay(small, np.asarray(prediction.anomaly_map), prediction.threshold))


def _depth(candidate: Candidate) -> float:
    return float("inf") if candidate.score is None else -candidate.score
