"""One picture of the set: built, lit, photographed, and its mask read off its own twin."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlr.data.synthetic.camera import Camera, digitise, draw_camera, expose
from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.filters import dilate
from rlr.data.synthetic.flaws.flaw import GOOD, Flaw
from rlr.data.synthetic.light import shade
from rlr.data.synthetic.parts import PARTS, Part
from rlr.data.synthetic.shapes import Canvas

_VISIBLE = 9 * 16  # sixteenths of a grey level: a change that the noise does not hide
_PLAIN = 18 * 16  # a change that a person sees
_ATTEMPTS = 32


@dataclass(frozen=True)
class Subject:
    """What a picture shows; every pixel follows from this and the size.

    Attributes:
        seed: Seed of the set.
        part: Class.
        split: "train" or "test".
        label: "good" or the kind of defect.
        index: Number of the picture in its folder.
    """

    seed: int
    part: str
    split: str
    label: str
    index: int


@dataclass(frozen=True)
class Picture:
    """A photograph and what is wrong in it.

    Attributes:
        pixels: Array (H, W, 3), uint8.
        mask: Array (H, W), bool: where the defect is seen; all false for a good part.
        twin: The same photograph of the same part without its defect: equal outside the mask.
    """

    pixels: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    twin: NDArray[np.uint8]


def render(subject: Subject, size: int) -> Picture:
    """Photograph a part.

    The part is built twice with the same draws, with and without its defect, and the mask is
    where the two photographs differ before the sensor's noise. A defect that came to lie where
    it is hardly seen is drawn anew.

    Args:
        subject: What is to be seen.
        size: Side in pixels.
    """
    part = PARTS[subject.part]
    draw = Draw(subject.seed, subject.part, subject.split, subject.label, subject.index)
    camera = draw_camera(draw.child("camera"))
    good = _photograph(part, draw, Flaw(GOOD, draw.child("flaw")), camera, size)
    bad, mask = good, np.zeros((size, size), dtype=bool)
    if subject.label != GOOD:
        bad, mask = _spoilt(part, draw, subject.label, camera, good)
    pixels, twin = (
        digitise(each, camera, draw.child("sensor")) for each in (np.where(mask, bad, good), good)
    )
    return Picture(pixels, mask, twin)


def _photograph(part: Part, draw: Draw, flaw: Flaw, camera: Camera, size: int) -> NDArray[np.int32]:
    oversampling = 2 if size >= 128 else 4
    surface = part.build(Canvas(size * oversampling), draw.child("part"), flaw)
    return expose(shade(surface, part.rig.vary(draw.child("rig"))), camera, oversampling)


def _spoilt(
    part: Part, draw: Draw, kind: str, camera: Camera, good: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    size = good.shape[1]
    enough = max(size * size // 1600, 6)
    best, mask = good, np.zeros((size, size), dtype=bool)
    for attempt in range(_ATTEMPTS):
        flaw = Flaw(kind, draw.child("flaw", attempt))
        bad = _photograph(part, draw, flaw, camera, size)
        seen = _difference(good, bad)
        if np.count_nonzero(seen) > np.count_nonzero(mask):
            best, mask = bad, seen
        if np.count_nonzero(mask) >= enough:
            break
    assert mask.any(), f"no {kind} is ever seen on {part.name}"
    return best, mask


def _difference(good: NDArray[np.int32], bad: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return where two pictures visibly differ: plain changes, and fainter ones joined to them."""
    change = np.abs(bad - good).max(axis=0)
    faint, mask = change >= _VISIBLE, change >= _PLAIN
    while True:
        grown = dilate(mask, 1) & faint
        if np.array_equal(grown | mask, mask):
            break
        mask = grown | mask
    radius = max(good.shape[1] // 128, 1)
    return ~dilate(~dilate(mask, radius), radius)  # close the gaps between
