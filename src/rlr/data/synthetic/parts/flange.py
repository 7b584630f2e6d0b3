"""Turned steel flange with six bolt holes, lying anyhow on a rubber mat."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import (
    ONE,
    RELIEF,
    SHIFT,
    SIDE,
    TURN,
    Plane,
    distance,
    lookup,
    mix,
    ramp,
    smooth,
    times,
)
from rlr.data.synthetic.flaws.blemishes import rust
from rlr.data.synthetic.flaws.bodies import crumb, fibre
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.flaws.marks import crack, scratch
from rlr.data.synthetic.flaws.relief import bump
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.noise import clouds, rings
from rlr.data.synthetic.parts.grounds import rubber_mat
from rlr.data.synthetic.parts.part import Part
from rlr.data.synthetic.shapes import Canvas, Pose, Window, polar
from rlr.data.synthetic.surface import Surface, rgb

OUTER, HUB, BORE = 6100, 3000, 1950  # radii
BOLT_CIRCLE, BOLT, BOLTS = 4600, 560, 6
THICK, STEP = 800, 420  # of the disc, and of the hub above it


def build(canvas: Canvas, draw: Draw, flaw: Flaw) -> Surface:
    """Turn and drill a flange, then spoil it."""
    surface = rubber_mat(canvas, draw.child("mat"))
    pose = Pose(
        SIDE // 2 + draw.integer(-700, 700),
        SIDE // 2 + draw.integer(-700, 700),
        draw.angle(),
        ONE + draw.integer(-160, 160),
    )
    u, v = pose.local(canvas.x, canvas.y)
    radius = distance(u, v)
    edge = radius + _nick(canvas, pose, flaw)
    height = lookup(_profile(draw), edge)
    surface.part = canvas.cover(np.minimum(OUTER - 60 - edge, edge - BORE - 40))
    missing = flaw.draw.integer(0, BOLTS - 1) if flaw.kind == "missing" else BOLTS
    for number in range(BOLTS):
        at = polar(BOLT_CIRCLE, number * TURN // BOLTS)
        window = canvas.around(pose.place(*at), BOLT * 2)
        far = distance(u[window] - at[0], v[window] - at[1])
        if number == missing:
            _spot(height, window, far)
        else:
            _drill(surface, height, window, far)
    surface.height = mix(surface.height, height, surface.part)
    _machine(surface, draw, pose, radius)
    _spoil(surface, pose, flaw)
    return surface


def _profile(draw: Draw) -> Plane:
    """Return the height at each radius: disc, hub, chamfers, and the marks of the tool."""
    radius = np.arange(SIDE, dtype=np.int32)
    disc = smooth(ramp(radius, BORE, BORE + 150)) - smooth(ramp(radius, OUTER - 170, OUTER - 10))
    hub = ONE - smooth(ramp(radius, HUB - 300, HUB))
    marks = rings(draw.child("marks"), SIDE, 52) * 3 + rings(draw.child("fine marks"), SIDE, 24) * 2
    return ((disc * THICK + hub * STEP) * RELIEF >> SHIFT) + (marks * 5 >> 9)


def _drill(surface: Surface, height: Plane, window: Window, far: Plane) -> None:
    """Drill a countersunk hole: the mat is seen through it."""
    height[window] = times(height[window], smooth(ramp(far, BOLT - 40, BOLT + 150)))
    cover = surface.canvas.cover(far - BOLT)
    surface.part[window] = np.minimum(surface.part[window], cover)


def _spot(height: Plane, window: Window, far: Plane) -> None:
    """Only mark the place with the drill's point: the hole was forgotten."""
    height[window] -= np.maximum(BOLT // 2 - far, 0) * (RELIEF * 3 // 4)


def _machine(surface: Surface, draw: Draw, pose: Pose, radius: Plane) -> None:
    """Give the flange its metal, with grooves that run round the axis."""
    metal, canvas = surface.part, surface.canvas
    surface.paint(metal, rgb("9c9c9a"))
    surface.finish(metal, metal=ONE * 7 // 8)
    across = np.stack([canvas.x - pose.x, canvas.y - pose.y])
    surface.lay = across * ONE // np.maximum(distance(across[0], across[1]), 1)
    groove = lookup(rings(draw.child("tone"), SIDE, 60), radius)
    patina = clouds(draw.child("patina"), canvas.n, SIDE // 4, 4)
    surface.tint(times(groove // 8 + patina // 5, metal))


def _nick(canvas: Canvas, pose: Pose, flaw: Flaw) -> Plane:
    """Return by how much the rim is knocked in, as if the radius were larger there."""
    pressed = canvas.zeros()
    if flaw.kind == "nick":
        draw = flaw.draw
        at = pose.place(*polar(OUTER - 100, draw.angle()))
        window, hill = bump(canvas, draw, at, draw.integer(600, 1300))
        pressed[window] = hill * draw.integer(350, 700) >> SHIFT
    return pressed


def _spoil(surface: Surface, pose: Pose, flaw: Flaw) -> None:
    draw = flaw.draw
    angle = draw.angle()
    at = pose.place(*polar(draw.integer(HUB + 300, OUTER - 700), angle))
    match flaw.kind:
        case "scratch":
            scratch(surface, draw, at, draw.choice((rgb("f4f4f0"), rgb("3a3836"))), 70)
        case "rust":
            rust(surface, draw, at, draw.integer(350, 1000))
        case "crack":
            rim = pose.place(*polar(OUTER - 80, angle))
            inwards = pose.angle + angle + TURN // 2 + draw.integer(-TURN // 10, TURN // 10)
            crack(surface, draw, rim, inwards, draw.integer(1500, 3000))
        case "contamination":
            if draw.chance(ONE // 2):
                fibre(surface, draw, at, draw.choice((rgb("24242a"), rgb("8a3c30"))))
            else:
                crumb(surface, draw, at, draw.integer(200, 420), rgb("b8b8b6"), ONE * 3 // 4)


FLANGE = Part(
    name="flange",
    rig=Rig(elevation=2750, lamp=4100, room=1100),
    defects=("missing", "nick", "scratch", "rust", "crack", "contamination"),
    build=build,
)
