"""Leather: pebbled grain with creases between the pebbles, and a dye that never lies evenly."""

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.filters import enlarge
from rlr.data.synthetic.fixed import (
    ONE,
    RELIEF,
    SHIFT,
    SIDE,
    TURN,
    Plane,
    clamp,
    ramp,
    smooth,
    times,
)
from rlr.data.synthetic.flaws.blemishes import patch, stain
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.flaws.marks import crack, scratch
from rlr.data.synthetic.flaws.relief import fold, punch
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.noise import cells, cloud, clouds
from rlr.data.synthetic.parts.grounds import specks
from rlr.data.synthetic.parts.part import Part, anywhere
from rlr.data.synthetic.shapes import Canvas
from rlr.data.synthetic.surface import Surface, plain, rgb

GRAIN = SIDE // 30  # width of a pebble


def build(canvas: Canvas, draw: Draw, flaw: Flaw) -> Surface:
    """Tan a hide, then spoil it."""
    surface = plain(canvas, rgb("7c4a2a"), gloss=ONE // 12)
    u = canvas.x + _stretch(canvas, draw.child("u"))
    v = canvas.y + _stretch(canvas, draw.child("v"))
    pebble, own = _grain(draw.child("grain"), u, v)
    rough = clouds(draw.child("rough"), canvas.n, GRAIN * 2 // 3, 3)
    lift = pebble + (rough * 3 >> 3) + (own >> 3)
    surface.height += lift * (GRAIN * RELIEF // 6) >> SHIFT
    surface.height += clouds(draw.child("wave"), canvas.n, SIDE // 3, 2) * 120 * RELIEF >> SHIFT
    depth = ONE // 2 + (clouds(draw.child("depth"), canvas.n, GRAIN * 4, 2) >> 1)
    crease = times(clamp(lift, 0, ONE) - ONE * 3 // 4, depth)
    surface.tint(crease + (own >> 5) + (rough >> 4))
    surface.tint(clouds(draw.child("dye"), canvas.n, SIDE // 2, 4) // 6)
    surface.tint(canvas.zeros() + draw.child("lot").integer(-ONE // 7, ONE // 7))
    specks(surface, draw.child("pores"), rgb("140c0a"), most=12, largest=120)
    _spoil(surface, flaw)
    return surface


def _stretch(canvas: Canvas, draw: Draw) -> Plane:
    """Return how far the hide is stretched: widely, from pebble to pebble, and within one."""
    wide = cloud(draw.child("wide"), canvas.n, GRAIN * 8) * GRAIN >> (SHIFT - 1)
    local = cloud(draw.child("local"), canvas.n, GRAIN * 2) * GRAIN >> (SHIFT + 1)
    fine = cloud(draw.child("fine"), canvas.n, GRAIN // 2) * GRAIN >> (SHIFT + 2)
    stretch: Plane = wide + local + fine
    return stretch


def _grain(draw: Draw, u: Plane, v: Plane) -> tuple[Plane, Plane]:
    """Return each sample's height on its pebble, and a share that is the pebble's own.

    Pebbles are worked out on every other sample: they are smooth, and this is a quarter the work.
    """
    first, second, own = cells(draw, u[::2, ::2] + SIDE // 4, v[::2, ::2] + SIDE // 4, GRAIN)
    pebble = smooth(ramp(second - first, 0, ONE * 5 // 8))
    return enlarge(pebble, 2), enlarge(own, 2)


def _spoil(surface: Surface, flaw: Flaw) -> None:
    draw, at = flaw.draw, anywhere(flaw.draw)
    match flaw.kind:
        case "scratch":
            scratch(surface, draw, at, rgb("c89a70"), 60)
        case "crack":
            crack(surface, draw, at, draw.angle(), draw.integer(SIDE // 6, SIDE // 3))
        case "fold":
            fold(surface, draw, at, draw.integer(110, 200))
        case "hole":
            punch(surface, draw, at, draw.integer(200, 420), rgb("181210"))
        case "stain":
            passed = draw.choice(((700, 500, 500), (400, 700, 1400)))
            stain(surface, draw, at, draw.integer(800, 2000), passed, ONE // 12)
        case "wrong_colour":
            passed = draw.choice(((6600, 8000, 9400), (2400, 4200, 5600)))
            patch(surface, draw, at, draw.integer(800, 1800), passed)


LEATHER = Part(
    name="leather",
    rig=Rig(angle=TURN * 5 // 8, elevation=2450, lamp=4100, room=1400, sharpness=3),
    defects=("scratch", "crack", "fold", "hole", "stain", "wrong_colour"),
    build=build,
)
