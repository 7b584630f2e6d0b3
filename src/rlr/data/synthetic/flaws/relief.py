"""Wrong shapes: dents, folds and punched holes."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, SIDE, TURN, Plane, distance, ramp, smooth, times
from rlr.data.synthetic.paths import arc, stroke
from rlr.data.synthetic.shapes import Canvas, Point, Pose, Window
from rlr.data.synthetic.surface import Colour, Surface


def bump(canvas: Canvas, draw: Draw, at: Point, radius: int) -> tuple[Window, Plane]:
    """Return a smooth oval hill: its window and its height as a share."""
    window = canvas.around(at, radius * 3 // 2)
    pose = Pose(at[0], at[1], draw.angle())
    u, v = pose.local(canvas.x[window], canvas.y[window])
    far = distance(u, v * draw.integer(ONE, ONE * 3 // 2) // ONE)
    return window, smooth(ONE - ramp(far, 0, radius))


def dent(surface: Surface, draw: Draw, at: Point, radius: int) -> None:
    """Press something blunt into the part."""
    depth = radius * draw.integer(ONE // 11, ONE // 7) // ONE
    window, hill = bump(surface.canvas, draw, at, radius)
    surface.raise_by(times(hill, surface.part[window]), -depth, window)


def fold(surface: Surface, draw: Draw, at: Point, height: int) -> None:
    """Crease a hide: a long soft ridge with a sharp valley along its middle."""
    width = draw.integer(350, 520)
    points = arc(draw, at, draw.angle(), draw.integer(SIDE // 3, SIDE * 2 // 3), TURN // 8)
    window, far, along = stroke(surface.canvas, points, 2 * width)
    fade = smooth(ramp(np.minimum(along, ONE - along), 0, ONE // 4))
    ridge = times(smooth(ONE - ramp(far, 0, width)), fade)
    valley = times(smooth(ONE - ramp(far, 0, width // 4)), fade)
    surface.raise_by(ridge, height, window)
    surface.raise_by(valley, -height, window)
    surface.tint(-valley // 3, window)


def punch(surface: Surface, draw: Draw, at: Point, radius: int, below: Colour) -> None:
    """Punch a hole through; its rim is pressed down and torn."""
    window, hill = bump(surface.canvas, draw, at, radius * 2)
    hole = smooth(ramp(hill, ONE * 9 // 20, ONE * 11 // 20))
    surface.raise_by(hill, -radius // 4, window)
    surface.raise_by(hole, -3 * radius, window)
    surface.paint(hole, below, window)
    surface.finish(hole, window=window)
