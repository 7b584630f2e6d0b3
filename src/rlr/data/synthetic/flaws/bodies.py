"""Things that do not belong there: fibres, crumbs and swarf, each with its shadow."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import (
    ONE,
    RELIEF,
    SHIFT,
    SIDE,
    TURN,
    Plane,
    cosine,
    mix,
    root,
    sine,
)
from rlr.data.synthetic.noise import cloud
from rlr.data.synthetic.paths import arc, stroke
from rlr.data.synthetic.shapes import Point
from rlr.data.synthetic.surface import Colour, Surface

_CORNERS = 6


def fibre(surface: Surface, draw: Draw, at: Point, colour: Colour) -> None:
    """Drop a curled thread."""
    thick = draw.integer(55, 95)
    length = draw.integer(SIDE // 6, SIDE * 2 // 5)
    points = arc(draw, at, draw.angle(), length, TURN * 2 // 3)
    window, far, _ = stroke(surface.canvas, points, 3 * thick)
    cover = surface.canvas.cover(thick - far)
    round_top = root(np.maximum(thick * thick - far * far, 0))
    lifted = surface.height[window] + (round_top * 2 + 60) * RELIEF
    surface.height[window] = mix(surface.height[window], lifted, cover)
    surface.paint(cover, colour, window)
    surface.finish(cover, gloss=ONE // 10, window=window)


def crumb(
    surface: Surface, draw: Draw, at: Point, radius: int, colour: Colour, metal: int = 0
) -> None:
    """Drop a chip with corners and facets.

    Args:
        surface: What it falls on.
        draw: Where its shape comes from.
        at: Its middle.
        radius: Mean radius, a length.
        colour: Its colour.
        metal: Share of the light that it mirrors: 0 is a crumb, more is swarf.
    """
    window = surface.canvas.around(at, radius * 2)
    x, y = surface.canvas.x[window] - at[0], surface.canvas.y[window] - at[1]
    inside = _polygon(draw, x, y, radius)
    cover = surface.canvas.cover(inside)
    facets = cloud(draw.child("facets"), surface.canvas.n, radius)[window]
    top = np.minimum(inside, radius // 2) + (facets * radius >> (SHIFT + 2)) + radius // 5
    lifted = surface.height[window] + np.maximum(top, 0) * RELIEF
    surface.height[window] = mix(surface.height[window], lifted, cover)
    surface.paint(cover, colour, window)
    surface.tint((facets * (cover >> 1)) >> SHIFT, window)
    surface.finish(cover, gloss=ONE // 8, metal=metal, window=window)


def _polygon(draw: Draw, x: Plane, y: Plane, radius: int) -> Plane:
    """Return the distance to the edge of an irregular polygon round the origin."""
    start = draw.angle()
    inside = np.full_like(x, SIDE)
    for corner in range(_CORNERS):
        angle = start + corner * TURN // _CORNERS + draw.integer(-TURN // 20, TURN // 20)
        away = radius * draw.integer(ONE * 6 // 10, ONE * 12 // 10) // ONE
        inside = np.minimum(inside, away - ((x * cosine(angle) + y * sine(angle)) >> SHIFT))
    return inside
