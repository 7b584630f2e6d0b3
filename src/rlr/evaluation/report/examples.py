"""The images that say most about a detector: what it missed, what it blamed, what it found."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from rlr.detection.heatmap import overlay
from rlr.evaluation.findings import Findings
from rlr.evaluation.report.pictures import data_uri, draw_outline, in_shape, thumbnail
from rlr.evaluation.report.words import score
from rlr.foundation.progress import track


@dataclass(frozen=True)
class Picture:
    """One picture of an example: what it is, in words, and the data URI; "" for none."""

    caption: str
    alt: str
    source: str


@dataclass(frozen=True)
class Example:
    """One test image.

    Attributes:
        path: Where it lies, relative to the data.
        label: "good" or its defect type.
        verdict: Its score against the threshold, in words.
        shape: Width over height.
        pictures: Image, outline of the defect, what the model sees and what it expects if it
            has a decoder, heat map.
    """

    path: str
    label: str
    verdict: str
    shape: float
    pictures: list[Picture]


@dataclass(frozen=True)
class Gallery:
    """Examples of one kind.

    Attributes:
        title: The kind.
        total: Number of such images in the class; the examples are the most telling of them.
        none: What is said where there is none.
        examples: Some of them.
    """

    title: str
    total: int
    none: str
    examples: list[Example]


@dataclass(frozen=True)
class Kind:
    """A kind of examples: which images, in which order, and what is said where there is none."""

    title: str
    defective: bool
    called: bool
    greatest_first: bool
    none: str


KINDS = (
    Kind("Worst misses", True, False, False, "None: no defective image was missed."),
    Kind("Worst false alarms", False, True, True, "None: no normal image was called defective."),
    Kind("Best hits", True, True, True, "None: no defective image was found."),
)


def pick(frame: pd.DataFrame, kind: Kind) -> pd.DataFrame:
    """Return the images of one kind, the most telling first; equal scores by path.

    Args:
        frame: Scored images: path, defective, is_anomalous, image_score.
        kind: Which of them, and in which order.
    """
    chosen = frame[(frame["defective"] == kind.defective) & (frame["is_anomalous"] == kind.called)]
    return chosen.sort_values(["image_score", "path"], ascending=[not kind.greatest_first, True])


def galleries(findings: Findings) -> dict[str, list[Gallery]]:
    """Return the galleries of each class."""
    classes = track(findings.scored.classes, "Drawing examples")
    return {name: list(_of_class(findings, name)) for name in classes}


def draw_reference(findings: Findings) -> list[str]:
    """Return the learned references as data URIs; empty where the detector has no decoder."""
    if findings.detector.decoder is None:
        return []
    from rlr.detection.decoding import draw_references

    return [data_uri(picture) for picture in draw_references(findings.detector)]


def _of_class(findings: Findings, name: str) -> Iterator[Gallery]:
    frame = findings.scored.frame
    rows = frame[frame["class"] == name]
    for kind in KINDS:
        chosen = pick(rows, kind)
        shown = chosen.index[: findings.config.evaluation.examples]
        absent = not (rows["defective"] == kind.defective).any()
        none = f"No {'defective' if kind.defective else 'normal'} image in test."
        yield Gallery(
            kind.title,
            len(chosen),
            none if absent else kind.none,
            [_example(findings, place) for place in shown],
        )


def _example(findings: Findings, place: int) -> Example:
    row: dict[Any, Any] = findings.scored.frame.iloc[place].to_dict()
    image = findings.detector.read(findings.manifest.root / row["path"])
    small = thumbnail(image)
    heat = overlay(small, np.asarray(findings.scored.anomaly_maps[place]), row["threshold"])
    return Example(
        row["path"],
        row["label"],
        f"score {score(row['image_score'])}, threshold {score(row['threshold'])}",
        round(small.shape[1] / small.shape[0], 3),
        [
            Picture("Image", f"{row['label']} part, {row['path']}", data_uri(small)),
            _outlined(findings, place, row, small),
            *_decoded(findings, row["path"], image),
            Picture("Heat map", f"Heat map over {row['path']}", data_uri(heat)),
        ],
    )


def _decoded(findings: Findings, path: str, image: np.ndarray) -> list[Picture]:
    """What the detector sees, and what it expects; nothing where it has no decoder."""
    if findings.detector.decoder is None:
        return []
    from rlr.detection.decoding import draw_pictures

    drawn = draw_pictures(findings.detector, [image])[0]
    shape = image.shape[:2]
    return [
        Picture(
            "Seen",
            f"What the model sees of {path}: its features, decoded",
            data_uri(in_shape(drawn.features, shape)),
        ),
        Picture(
            "Expected",
            f"What the model expects of {path}: its reconstruction, decoded",
            data_uri(in_shape(drawn.reconstruction, shape)),
        ),
    ]


def _outlined(findings: Findings, place: int, row: dict[Any, Any], small: np.ndarray) -> Picture:
    if not row["defective"]:
        return Picture("No defect", "", "")
    mask = findings.truth.mask(place)
    if not mask.any():
        return Picture("No mask", "", "")
    drawn = data_uri(draw_outline(small, mask))
    return Picture("Defect", f"Outline of the defect in {row['path']}", drawn)
