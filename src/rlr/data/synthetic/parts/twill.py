"""Twill cloth: warp and weft pass over each other two by two, one step further on each row."""

from dataclasses import dataclass

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import (
    ONE,
    RELIEF,
    SHIFT,
    SIDE,
    TURN,
    Mask,
    Plane,
    clamp,
    ramp,
    times,
    whole,
)
from rlr.data.synthetic.flaws.blemishes import blob, stain
from rlr.data.synthetic.flaws.bodies import fibre
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.noise import cloud, cloud_at, clouds
from rlr.data.synthetic.parts.part import Part, anywhere
from rlr.data.synthetic.shapes import Canvas, Pose
from rlr.data.synthetic.surface import Surface, plain, rgb

YARN = SIDE // 34  # width of a yarn
GROUND = rgb("16181c")
WARP, WEFT = rgb("4a5876"), rgb("8f9196")
WRONG_DYES = (rgb("9a5a48"), rgb("2c3040"), rgb("6a7a58"))
_NAMES = 256  # yarns that differ from each other


@dataclass(frozen=True)
class _Weave:
    """Where each sample lies in the weave.

    Attributes:
        u: Place across the warp, a length.
        v: Place across the weft.
        warp: Number of the warp yarn.
        weft: Number of the weft yarn.
        across_warp: Place across the warp yarn, a share.
        across_weft: Place across the weft yarn, a share.
    """

    u: Plane
    v: Plane
    warp: Plane
    weft: Plane
    across_warp: Plane
    across_weft: Plane


def build(canvas: Canvas, draw: Draw, flaw: Flaw) -> Surface:
    """Weave a piece of cloth."""
    surface = plain(canvas, GROUND)
    weave = _lay_out(canvas, draw)
    step = (weave.warp + weave.weft) & 3
    gap = _missing_weft(weave, flaw)
    warp_up: Mask = (step < 2) | gap
    body = _round(np.where(warp_up, weave.across_warp, weave.across_weft))
    along = np.where(warp_up, step * ONE + weave.across_weft, (step - 2) * ONE + weave.across_warp)
    arch = _round(clamp(along >> 1, 0, ONE))
    strand = _strand(draw, weave, warp_up)
    lift = (body * 3 >> 2) + (times(arch, body) * 3 >> 2) + (strand >> 4)
    lift = np.where(gap, (body * 5 >> 3) + (strand >> 4), lift)
    surface.height += lift * (YARN * RELIEF >> 2) >> SHIFT
    _dye(surface, weave, warp_up, flaw)
    surface.tint(_unevenness(draw, weave, warp_up) + (strand * 3 >> 3))
    surface.tint((clamp(lift, 0, ONE) - ONE) * 3 >> 2)  # between the yarns it is dark
    surface.tint(clouds(draw.child("worn"), canvas.n, SIDE // 2, 3) // 8)
    _spoil(surface, weave, flaw)
    return surface


def _lay_out(canvas: Canvas, draw: Draw) -> _Weave:
    pose = Pose(draw.integer(0, YARN * 4), draw.integer(0, YARN * 4), draw.integer(-60, 60))
    u, v = pose.local(canvas.x, canvas.y)
    u, v = (place + _pull(canvas, draw.child(axis)) for place, axis in ((u, "u"), (v, "v")))
    warp, weft = u // YARN, v // YARN
    return _Weave(
        u, v, warp, weft, (u - warp * YARN) * ONE // YARN, (v - weft * YARN) * ONE // YARN
    )


def _pull(canvas: Canvas, draw: Draw) -> Plane:
    """Return how far the cloth is pulled out of its grid: widely a little, locally less."""
    wide = cloud(draw.child("wide"), canvas.n, SIDE // 3) * YARN >> (SHIFT + 1)
    return wide + (cloud(draw.child("local"), canvas.n, SIDE // 16) * YARN >> (SHIFT + 3))


def _round(share: Plane) -> Plane:
    """Return the parabola that is 0 at the ends of [0, ONE] and ONE in the middle."""
    centred = 2 * share - ONE
    return ONE - times(centred, centred)


def _strand(draw: Draw, weave: _Weave, warp_up: Mask) -> Plane:
    """Return the twist of the fibres: lines askew to the yarn."""
    rising, falling = weave.u + weave.v, weave.u - weave.v
    warp = cloud_at(draw.child("warp twist"), rising, falling, YARN // 7, YARN // 2)
    weft = cloud_at(draw.child("weft twist"), falling, rising, YARN // 7, YARN // 2)
    return np.where(warp_up, warp, weft)


def _unevenness(draw: Draw, weave: _Weave, warp_up: Mask) -> Plane:
    """Return how each yarn differs from the next, and from itself further on."""
    names = draw.child("yarns").shares(2, _NAMES)
    warp, weft = names[0].take(weave.warp & 255), names[1].take(weave.weft & 255)
    warp_slub = cloud_at(draw.child("warp slub"), weave.u, weave.v, YARN, YARN * 6)
    weft_slub = cloud_at(draw.child("weft slub"), weave.u, weave.v, YARN * 6, YARN)
    uneven: Plane = np.where(warp_up, (warp >> 1) + warp_slub, (weft >> 1) + weft_slub)
    return uneven >> 3


def _dye(surface: Surface, weave: _Weave, warp_up: Mask, flaw: Flaw) -> None:
    surface.paint(surface.part, WEFT)
    surface.paint(whole(warp_up), WARP)
    if flaw.kind == "wrong_colour":
        draw = flaw.draw
        first, count = _row_near(draw), draw.integer(1, 3)
        if draw.chance(ONE // 2):
            wrong = (weave.weft >= first) & (weave.weft < first + count) & ~warp_up
        else:
            wrong = (weave.warp >= first) & (weave.warp < first + count) & warp_up
        surface.paint(whole(wrong) * 3 >> 2, draw.choice(WRONG_DYES))


def _missing_weft(weave: _Weave, flaw: Flaw) -> Mask:
    """Return where a weft yarn is not there: over part of its row, or all of it."""
    if flaw.kind != "missing":
        return np.zeros(weave.u.shape, dtype=bool)
    draw = flaw.draw
    start = draw.integer(0, SIDE // 2)
    end = start + draw.integer(SIDE // 3, SIDE)
    missing: Mask = (weave.weft == _row_near(draw)) & (weave.u > start) & (weave.u < end)
    return missing


def _row_near(draw: Draw) -> int:
    return draw.integer(7, 24)


def _spoil(surface: Surface, weave: _Weave, flaw: Flaw) -> None:
    draw = flaw.draw
    match flaw.kind:
        case "hole":
            _tear(surface, weave, draw)
        case "stain":
            stain(surface, draw, anywhere(draw), draw.integer(800, 2000), (1400, 1000, 700), 0)
        case "contamination":
            colour = draw.choice((rgb("e6e2d8"), rgb("b03a30"), rgb("1c1c1e")))
            fibre(surface, draw, anywhere(draw), colour)


def _tear(surface: Surface, weave: _Weave, draw: Draw) -> None:
    """Tear a hole: every yarn breaks at a place of its own."""
    at, radius = anywhere(draw), draw.integer(500, 1100)
    window, inside = blob(surface.canvas, draw, at, radius)
    own = draw.child("ends").shares(2, _NAMES)
    ends = own[0].take(weave.warp[window] & 255) + own[1].take(weave.weft[window] & 255)
    inside += ends * radius >> (SHIFT + 2)
    torn = ramp(inside, -60, 60)
    surface.raise_by(torn, -2 * YARN, window)
    surface.paint(torn, GROUND, window)
    for _ in range(3):
        dx, dy = (draw.integer(-radius, radius) // 2 for _ in range(2))
        fibre(surface, draw, (at[0] + dx, at[1] + dy), draw.choice((WARP, WEFT)))


TWILL = Part(
    name="twill",
    rig=Rig(angle=TURN * 5 // 8, elevation=2550, lamp=4100, room=1500, sharpness=3),
    defects=("hole", "missing", "wrong_colour", "stain", "contamination"),
    build=build,
)
