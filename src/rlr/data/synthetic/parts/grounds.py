"""What objects lie on: a dark rubber mat and a matt plastic tray, neither of them spotless."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, RELIEF, SHIFT, SIDE
from rlr.data.synthetic.noise import clouds
from rlr.data.synthetic.parts.part import anywhere
from rlr.data.synthetic.shapes import Canvas
from rlr.data.synthetic.surface import Colour, Surface, plain, rgb


def rubber_mat(canvas: Canvas, draw: Draw) -> Surface:
    """Return a dark mat with a coarse grain."""
    return _ground(canvas, draw, rgb("3c4044"), SIDE // 60, 16)


def plastic_tray(canvas: Canvas, draw: Draw) -> Surface:
    """Return a grey tray with a fine grain."""
    return _ground(canvas, draw, rgb("7a8389"), SIDE // 90, 10)


def _ground(canvas: Canvas, draw: Draw, colour: Colour, cell: int, depth: int) -> Surface:
    surface = plain(canvas, colour, gloss=ONE // 20)
    grain = clouds(draw.child("grain"), canvas.n, cell, 3)
    surface.height += grain * depth * RELIEF >> SHIFT
    surface.tint(clouds(draw.child("worn"), canvas.n, SIDE // 2, 4) // 4 + grain // 7)
    specks(surface, draw.child("dust"), rgb("b4b4b0"))
    surface.part = canvas.zeros()
    return surface


def specks(surface: Surface, draw: Draw, colour: Colour, most: int = 7, largest: int = 60) -> None:
    """Scatter points that are no defect: the dust of a clean workshop, the pores of a hide.

    Args:
        surface: What they are seen on.
        draw: Where they come from.
        colour: Their colour.
        most: Largest number of points.
        largest: Half the diagonal of the largest point, a length.
    """
    canvas = surface.canvas
    for _ in range(draw.integer(2, most)):
        at, size = anywhere(draw, 0), draw.integer(25, largest)
        window = canvas.around(at, 200)
        inside = size - np.abs(canvas.x[window] - at[0]) - np.abs(canvas.y[window] - at[1])
        surface.paint(canvas.cover(inside) * 7 >> 3, colour, window)
