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

LEAST = float(np.finfo(np.float32).tiny)


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
    frame = contest.candidate.scored.frame
    place_of = dict(zip(frame["path"], range(len(frame)), strict=True))
    entries = track(result.disagreements, "Gate: drawing examples")
    sides = contest.candidate, contest.champion
    return [_example(entry, place_of[entry["path"]], contest, sides) for entry in entries]


def _example(
    entry: dict[str, Any], place: int, contest: Contest, sides: tuple[Side, Side]
) -> Example:
    ours, theirs = sides
    image = read_rgb(contest.manifest.root / entry["path"], ours.spec.preprocessing.white_level)
    small = thumbnail(image)
    mask = contest.truth.mask(place)
    defective = bool(ours.scored.frame["defective"].iloc[place])
    outlined = defective and bool(mask.any())
    shown = draw_outline(small, mask) if outlined else small
    below = "defect outlined" if outlined else ("no mask" if defective else "no defect")
    return Example(
        entry["path"],
        f"{entry['class']}, {entry['label']}",
        _verdict(entry, defective),
        round(small.shape[1] / small.shape[0], 3),
        [
            Picture("Image", f"{entry['label']} part, {entry['path']}", below, data_uri(shown)),
            _heat(small, ours, place, "Candidate"),
            _heat(small, theirs, place, "Champion"),
        ],
    )


def _heat(small: np.ndarray, side: Side, place: int, name: str) -> Picture:
    said = side.scored.frame.iloc[place]
    drawn = overlay(small, np.asarray(side.scored.anomaly_maps[place]), said["threshold"])
    decision = "defective" if said["is_anomalous"] else "normal"
    below = f"{decision}, {said['image_score'] / max(said['threshold'], LEAST):.2f} thresholds"
    return Picture(name, f"Heat map of the {name.lower()}: {below}", below, data_uri(drawn))


def _verdict(entry: dict[str, Any], defective: bool) -> str:
    """Return who calls it rightly, or else who ranks it better among the others of its class."""
    ours = entry["candidate_called"] == defective
    theirs = entry["champion_called"] == defective
    if ours != theirs:
        return f"the {'candidate' if ours else 'champion'} is right"
    both = "both are right" if ours else "both are wrong"
    favours = entry["favours"]
    return f"{both}, the {favours} ranks it better" if favours else both
