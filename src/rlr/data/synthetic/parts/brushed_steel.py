"""Brushed stainless sheet: fine streaks, all in one direction, that smear every reflection."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, RELIEF, SHIFT, SIDE, TURN, Plane, times
from rlr.data.synthetic.flaws.blemishes import rust, stain
from rlr.data.synthetic.flaws.bodies import crumb, fibre
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.flaws.marks import scratch
from rlr.data.synthetic.flaws.relief import dent
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.noise import cloud, cloud_at, clouds
from rlr.data.synthetic.parts.grounds import specks
from rlr.data.synthetic.parts.part import Part, anywhere
from rlr.data.synthetic.shapes import Canvas, Pose
from rlr.data.synthetic.surface import Surface, plain, rgb


def build(canvas: Canvas, draw: Draw, flaw: Flaw) -> Surface:
    """Brush a sheet, then spoil it."""
    surface = plain(canvas, rgb("92918f"), metal=ONE * 7 // 8)
    pose = Pose(SIDE // 2, SIDE // 2, draw.integer(-24, 24))
    u, v = pose.local(canvas.x, canvas.y)
    fine = cloud_at(draw.child("fine"), u, v, SIDE // 2, 30)
    middle = cloud_at(draw.child("middle"), u, v, SIDE // 5, 80)
    broken = cloud_at(draw.child("broken"), u, v, SIDE // 20, 40)
    broad = cloud_at(draw.child("broad"), u, v, SIDE, 420)
    # Sheet is never flat: long waves carry the reflection of the lamp across it.
    waves = cloud(draw.child("waves"), canvas.n, SIDE * 9 // 10)
    surface.height += (fine * 3 + middle * 3 + broken * 2) * RELIEF >> SHIFT
    surface.height += waves * 1100 * RELIEF >> SHIFT
    worn = clouds(draw.child("worn"), canvas.n, SIDE // 3, 3)
    surface.tint(fine // 10 + middle // 12 + broad // 10 + broken // 14 + worn // 6)
    surface.tint(_bold_lines(draw.child("bold"), u, v))
    specks(surface, draw.child("dust"), rgb("34322f"))
    _spoil(surface, flaw)
    return surface


def _bold_lines(draw: Draw, u: Plane, v: Plane) -> Plane:
    """Return the few lines that a coarse grain of the brush left, lighter or darker."""
    line = cloud_at(draw.child("line"), u, v, SIDE // 7, 40)
    where = cloud_at(draw.child("where"), u, v, SIDE // 5, 200)
    strength = np.maximum(np.abs(line) - ONE * 5 // 8, 0) * np.sign(line)
    return times(strength, np.maximum(where, 0)) * 5 // 2


def _spoil(surface: Surface, flaw: Flaw) -> None:
    draw = flaw.draw
    match flaw.kind:
        case "scratch":
            bare = draw.choice((rgb("e8e8e4"), rgb("3c3a38")))
            scratch(surface, draw, anywhere(draw), bare, 40)
        case "dent":
            dent(surface, draw, anywhere(draw), draw.integer(1000, 2400))
        case "stain":
            stain(
                surface, draw, anywhere(draw), draw.integer(600, 1700), (2700, 2300, 1700), ONE // 8
            )
        case "rust":
            rust(surface, draw, anywhere(draw), draw.integer(350, 1000))
        case "contamination":
            if draw.chance(ONE // 2):
                fibre(surface, draw, anywhere(draw), draw.choice((rgb("4c5668"), rgb("e2e0d8"))))
            else:
                crumb(surface, draw, anywhere(draw), draw.integer(220, 480), rgb("5a5048"))


BRUSHED_STEEL = Part(
    name="brushed_steel",
    rig=Rig(angle=TURN * 3 // 4, elevation=2800, lamp=3700, room=1300),
    defects=("scratch", "dent", "stain", "rust", "contamination"),
    build=build,
)
