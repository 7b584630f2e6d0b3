"""Two-coloured gelatine capsule with an imprint, rolled to any place and turn."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import (
    ONE,
    RELIEF,
    SHIFT,
    SIDE,
    Plane,
    distance,
    mix,
    ramp,
    root,
    smooth,
    times,
)
from rlr.data.synthetic.flaws.bodies import crumb, fibre
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.flaws.marks import crack, scratch
from rlr.data.synthetic.flaws.relief import bump
from rlr.data.synthetic.lettering import text_cover
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.noise import clouds
from rlr.data.synthetic.parts.grounds import plastic_tray
from rlr.data.synthetic.parts.part import Part
from rlr.data.synthetic.shapes import Canvas, Point, Pose, polar
from rlr.data.synthetic.surface import Surface, rgb

HALF = 3500  # half the length of the axis between the round ends
BODY, CAP = 2150, 2260  # radii; the cap is slipped over the body
SEAM = -500  # where the cap ends
BODY_COLOUR, CAP_COLOUR, INK = rgb("d6ccb0"), rgb("1d5a76"), rgb("34373e")


def build(canvas: Canvas, draw: Draw, flaw: Flaw) -> Surface:
    """Fill a capsule, print it and let it roll, then spoil it."""
    surface = plastic_tray(canvas, draw.child("tray"))
    pose = Pose(
        SIDE // 2 + draw.integer(-900, 900),
        SIDE // 2 + draw.integer(-900, 900),
        draw.angle(),
        ONE + draw.integer(-200, 200),
    )
    u, v = pose.local(canvas.x, canvas.y)
    lip = smooth(ramp(u, SEAM - 60, SEAM + 60))  # 0 on the cap, ONE on the body
    radius = CAP + times(lip, BODY - CAP)
    far = distance(np.maximum(np.abs(u) - HALF, 0), v)
    squared = np.maximum(radius * radius - far * far, 0).astype(np.int64)
    bulge = root(squared * (RELIEF * RELIEF))
    bulge = np.maximum(bulge - _dents(canvas, pose, flaw), 0)
    surface.part = canvas.cover(radius - far - 10)
    surface.height = mix(surface.height, bulge + BODY * RELIEF, surface.part)
    _colour(surface, draw, lip, flaw)
    _imprint(surface, u, v, draw, flaw)
    _spoil(surface, pose, flaw)
    return surface


def _colour(surface: Surface, draw: Draw, lip: Plane, flaw: Flaw) -> None:
    body, cap = BODY_COLOUR, CAP_COLOUR
    if flaw.kind == "wrong_colour":
        wrong = flaw.draw.choice((rgb("8c3a3a"), rgb("3c6a3c"), rgb("b98a3c"), rgb("5c4a80")))
        body, cap = (wrong, cap) if flaw.draw.chance(ONE // 2) else (body, wrong)
    surface.paint(surface.part, body)
    surface.paint(times(surface.part, ONE - lip), cap)
    surface.finish(surface.part, gloss=ONE * 5 // 8)
    cloudy = clouds(draw.child("gelatine"), surface.canvas.n, SIDE // 8, 3)
    surface.tint(times(cloudy // 12, surface.part))


def _imprint(surface: Surface, u: Plane, v: Plane, draw: Draw, flaw: Flaw) -> None:
    """Print the code on the body; the roll has turned it a little out of sight."""
    turned = draw.integer(-500, 500)
    around = v + (v * np.abs(v) // (3 * BODY)) - turned  # towards its edge the body turns away
    ink = text_cover(u - 1500, around, "RL20", 185)
    if flaw.kind == "smear":
        ink = _smeared(u, around, ink, flaw.draw)
    surface.paint(times(ink, surface.part) * 7 >> 3, INK)


def _smeared(u: Plane, around: Plane, ink: Plane, draw: Draw) -> Plane:
    """Drag the wet imprint along, fainter and fainter."""
    du, dv = polar(draw.integer(400, 700), draw.angle())
    for step in range(1, 6):
        trace = text_cover(u - 1500 - du * step // 4, around - dv * step // 4, "RL20", 185)
        ink = np.maximum(ink, trace * (7 - step) // 8)
    return ink


def _dents(canvas: Canvas, pose: Pose, flaw: Flaw) -> Plane:
    """Return by how much the shell is pressed in, in 1/64 of a length."""
    pressed = canvas.zeros()
    if flaw.kind == "dent":
        draw = flaw.draw
        at = _on_shell(draw, pose, BODY)
        window, hill = bump(canvas, draw, at, draw.integer(900, 1700))
        pressed[window] = hill * (draw.integer(400, 800) * RELIEF) >> SHIFT
    return pressed


def _on_shell(draw: Draw, pose: Pose, reach: int) -> Point:
    return pose.place(draw.integer(-HALF, HALF), draw.integer(-reach, reach) * 2 // 3)


def _spoil(surface: Surface, pose: Pose, flaw: Flaw) -> None:
    draw = flaw.draw
    at = _on_shell(draw, pose, BODY)
    match flaw.kind:
        case "crack":
            crack(surface, draw, at, draw.angle(), draw.integer(1800, 3600))
        case "scratch":
            scratch(surface, draw, at, rgb("e8e4dc"), 50)
        case "contamination":
            if draw.chance(ONE // 2):
                fibre(surface, draw, at, rgb("2a2622"))
            else:
                crumb(surface, draw, at, draw.integer(160, 340), rgb("3a2a20"))


CAPSULE = Part(
    name="capsule",
    rig=Rig(elevation=2900, lamp=3650, room=1300, sharpness=5),
    defects=("crack", "dent", "wrong_colour", "smear", "contamination", "scratch"),
    build=build,
)
