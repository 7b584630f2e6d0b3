"""Marks that something left: scratches and cracks."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, SHIFT, SIDE, TURN, ramp, smooth, times
from rlr.data.synthetic.noise import cloud
from rlr.data.synthetic.paths import arc, stroke, wander
from rlr.data.synthetic.shapes import Point
from rlr.data.synthetic.surface import Colour, Surface


def scratch(surface: Surface, draw: Draw, at: Point, bare: Colour, depth: int) -> None:
    """Draw something sharp over the part.

    Args:
        surface: The part.
        draw: Where length, bend and pressure come from.
        at: The scratch's middle.
        bare: Colour of the material below.
        depth: Depth of the groove, a length.
    """
    canvas = surface.canvas
    width = draw.integer(45, 100)
    length = draw.integer(SIDE // 6, SIDE // 2)
    points = arc(draw, at, draw.angle(), length, TURN // 16)
    window, far, along = stroke(canvas, points, 4 * width)
    pressure = smooth(ramp(np.minimum(along, ONE - along), 0, ONE // 4))
    pressure = times(pressure, ONE * 3 // 4 + (cloud(draw, canvas.n, SIDE // 20)[window] >> 2))
    half = (width * pressure) >> SHIFT
    on = surface.part[window]
    groove = times(canvas.cover(half - far), on)
    burr = times(canvas.cover(2 * half - far), on) - groove
    surface.raise_by(groove, -depth, window)
    surface.raise_by(burr, depth // 4, window)
    surface.paint(times(groove, pressure), bare, window)


def crack(surface: Surface, draw: Draw, start: Point, angle: int, length: int) -> None:
    """Let a crack run, with two branches, narrower and narrower."""
    width = draw.integer(70, 120)
    main = wander(draw, start, angle, length, TURN // 12)
    _open(surface, main, width)
    for number in (5, 10):
        side = draw.choice((-1, 1)) * draw.integer(TURN // 16, TURN // 7)
        _open(
            surface, wander(draw, main[number], angle + side, length // 3, TURN // 12), width // 2
        )


def _open(surface: Surface, points: list[Point], width: int) -> None:
    window, far, along = stroke(surface.canvas, points, 3 * width)
    half = (width * (ONE - along * 3 // 4)) >> SHIFT
    gap = times(surface.canvas.cover(half - far), surface.part[window])
    surface.raise_by(gap, -3 * width, window)
    surface.paint(gap, (60, 50, 45), window)
    surface.finish(gap, window=window)
