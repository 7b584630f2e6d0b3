"""The images on which the two models disagree most, with both heat maps on one colour scale."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rlr.data.images import read_rgb
from rlr.detection.heatmap import overlay
from rlr.evaluation.report.pictures import data_uri, draw_outline, thumbnail
from rlr.foundation.progress import track
from rlr.gate.contest import Contest, Side
from rlr.gate.result import GateResult


@dataclass(frozen=True)
class Picture:
    """One picture: what it is, what stands below it, and the data URI."""

    caption: str
    alt: str
    below: str
    source: str


@dataclass(frozen=True)
class Example:
    """One test image.

    Attributes:
        path: Where it lies, relative to the data.
        label: Its class, and "good" or its defect type.
        verdict: Who is right, in words.
        shape: Width over height.
        pictures: The image with its defect outlined, and the heat map of each model.
    """

    path: str
    label: str
    verdict: str
    shape: float
    pictures: list[Picture]


def examples(result: GateResult, contest: Contest) -> list[Example]:
    """Return the images of `result.disagreements`, drawn."""
    if contest.champion is None:
        return []
    sides = contest.candidate, contest.champion
    entries = track(result.disagreements, "Gate: drawing examples")
    return [_example(entry, contest, sides) for entry in entries]


def _example(entry: dict[str, Any], contest: Contest, sides: tuple[Side, Side]) -> Example:
    ours, theirs = sides
    white_level = ours.spec.preprocessing.white_level
    image = read_rgb(contest.manifest.root / entry["path"], white_level)
    small = thumbnail(image)
    place = entry["place"]
    mask = contest.truth.mask(place)
    outlined = entry["defective"] and bool(mask.any())
    shown = draw_outline(small, mask) if outlined else small
    below = "defect outlined" if outlined else ("no mask" if entry["defective"] else "no defect")
    return Example(
        entry["path"],
        f"{entry['class']}, {entry['label']}",
        _verdict(entry),
        round(small.shape[1] / small.shape[0], 3),
        [
            Picture("Image", f"{entry['label']} part, {entry['path']}", below, data_uri(shown)),
            _heat(small, ours, place, "Candidate", entry["candidate"]),
            _heat(small, theirs, place, "Champion", entry["champion"]),
        ],
    )


def _heat(small: np.ndarray, side: Side, place: int, name: str, said: dict[str, Any]) -> Picture:
    drawn = overlay(small, np.asarray(side.scored.anomaly_maps[place]), said["threshold"])
    decision = "defective" if said["is_anomalous"] else "normal"
    units = said["in_thresholds"]
    below = f"{decision}, {units:.2f} thresholds" if units is not None else decision
    return Picture(name, f"Heat map of the {name.lower()}: {below}", below, data_uri(drawn))


def _verdict(entry: dict[str, Any]) -> str:
    ours = entry["candidate"]["is_anomalous"] == entry["defective"]
    theirs = entry["champion"]["is_anomalous"] == entry["defective"]
    if ours and theirs:
        return "both are right"
    if ours or theirs:
        return f"the {'candidate' if ours else 'champion'} is right"
    return "both are wrong"
