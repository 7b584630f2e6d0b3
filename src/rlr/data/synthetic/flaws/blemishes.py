"""Wrong colours: stains, rust, and patches of another dye."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import (
    ONE,
    SHIFT,
    SIDE,
    Plane,
    clamp,
    distance,
    mix,
    ramp,
    smooth,
    times,
)
from rlr.data.synthetic.noise import clouds
from rlr.data.synthetic.shapes import Canvas, Point, Window
from rlr.data.synthetic.surface import Colour, Surface, rgb


def blob(canvas: Canvas, draw: Draw, at: Point, radius: int) -> tuple[Window, Plane]:
    """Return a ragged spot: its window and the distance to its edge, positive inside."""
    window = canvas.around(at, radius * 2)
    far = distance(canvas.x[window] - at[0], canvas.y[window] - at[1])
    ragged = clouds(draw.child("edge"), canvas.n, radius * 3 // 2, 4)[window]
    return window, radius - far + (ragged * radius >> SHIFT)


def stain(surface: Surface, draw: Draw, at: Point, radius: int, colour: Colour, gloss: int) -> None:
    """Let a liquid dry: a thin veil with a darker rim.

    Args:
        surface: The part.
        draw: Where shape and strength come from.
        at: Middle of the spot.
        radius: Mean radius, a length.
        colour: What the veil lets through of white light.
        gloss: Shine of the wet or oily film.
    """
    window, inside = blob(surface.canvas, draw, at, radius)
    veil = smooth(ramp(inside, -90, 130))
    rim = times(veil, ONE - smooth(ramp(inside, 60, 420)))
    strength = draw.integer(ONE * 5 // 10, ONE * 8 // 10)
    cover = times(times(veil * 3 // 4 + rim // 4, strength), surface.part[window])
    for channel, passed in zip(surface.colour, colour, strict=True):
        channel[window] = mix(channel[window], channel[window] * passed >> SHIFT, cover)
    surface.gloss[window] = mix(surface.gloss[window], gloss, cover)


def rust(surface: Surface, draw: Draw, at: Point, radius: int) -> None:
    """Let iron rust: dull, rough and speckled, with a fringe of pits."""
    window, inside = blob(surface.canvas, draw, at, radius)
    speckle = clouds(draw.child("speckle"), surface.canvas.n, SIDE // 40, 4)[window]
    cover = smooth(ramp(inside + (speckle * radius >> SHIFT), -radius // 2, radius // 2))
    cover = times(cover, surface.part[window])
    pits = clouds(draw.child("pits"), surface.canvas.n, SIDE // 110, 2)[window]
    tone = clamp(ONE // 2 + (speckle * 3 >> 2) + pits, 0, ONE)
    dark, bright = rgb("38241a"), rgb("8a5632")
    for channel, low, high in zip(surface.colour, dark, bright, strict=True):
        rusty = mix(np.full_like(tone, low), high, tone)
        channel[window] = mix(channel[window], rusty, cover * 7 >> 3)
    surface.finish(cover, window=window)
    surface.raise_by(times(cover, pits), 50, window)


def patch(surface: Surface, draw: Draw, at: Point, radius: int, passed: Colour) -> None:
    """Dye a ragged patch differently: each channel times a share, 2 * ONE at most."""
    window, inside = blob(surface.canvas, draw, at, radius)
    cover = times(smooth(ramp(inside, -200, 200)), surface.part[window])
    for channel, factor in zip(surface.colour, passed, strict=True):
        dyed = clamp(channel[window] * factor >> SHIFT, 0, ONE)
        channel[window] = mix(channel[window], dyed, cover)
