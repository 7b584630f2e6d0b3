"""Light on a relief: a lamp with soft edges, the room around it, shadows and reflections."""

import functools
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.filters import blur, enlarge, shrink, slopes
from rlr.data.synthetic.fixed import (
    ONE,
    RELIEF,
    SHIFT,
    SIDE,
    TURN,
    Plane,
    clamp,
    cosine,
    lookup,
    mix,
    root,
    sine,
    smooth,
    times,
)
from rlr.data.synthetic.surface import Surface

_STEEPEST = 4 * ONE  # slopes are cut off here
_SEARCH = (1, 2, 3, 5, 8, 12, 18)  # how far away something may hide the lamp, in 1/256 side
_BACK = 2  # shadows are worked out on squares of 2 x 2 samples


@dataclass(frozen=True)
class Rig:
    """The lighting that belongs to a station; each picture's differs a little.

    Attributes:
        angle: Direction in the picture towards the lamp.
        elevation: Sine of the lamp's height over the plane of the picture.
        lamp: Strength of the lamp, a share.
        room: Strength of the light from everywhere, a share.
        sharpness: How often the highlight's profile is squared: 3 is dull, 6 like lacquer.
    """

    angle: int = TURN * 11 // 16
    elevation: int = 2700
    lamp: int = 4000
    room: int = 1300
    sharpness: int = 4

    def vary(self, draw: Draw) -> "Rig":
        """Return the rig as it is found when a picture is taken."""
        return Rig(
            angle=self.angle + draw.integer(-250, 250),
            elevation=self.elevation + draw.integer(-250, 250),
            lamp=self.lamp * draw.integer(3650, 4550) // ONE,
            room=self.room * draw.integer(3500, 4700) // ONE,
            sharpness=self.sharpness,
        )

    @property
    def direction(self) -> tuple[int, int, int]:
        """Unit vector towards the lamp: right, down, to the camera."""
        flat = isqrt(ONE * ONE - self.elevation * self.elevation)
        return flat * cosine(self.angle) // ONE, flat * sine(self.angle) // ONE, self.elevation


@dataclass(frozen=True)
class _Relief:
    """What the light needs to know of a surface's shape.

    Attributes:
        right: Slope to the right, a share.
        down: Slope downwards.
        upright: Cosine of the tilt: the normal's part towards the camera.
        sight: Share of the lamp that is seen.
        openness: Share of the room that is seen.
    """

    right: Plane
    down: Plane
    upright: Plane
    sight: Plane
    openness: Plane

    def cosines(self, vector: tuple[int, int, int]) -> Plane:
        """Return the cosines between the normals and a unit vector."""
        x, y, z = vector
        return times((z * ONE - x * self.right - y * self.down) >> SHIFT, self.upright)


def shade(surface: Surface, rig: Rig) -> NDArray[np.int32]:
    """Return the light that each sample sends to the camera.

    Returns:
        Array (3, n, n), int32; ONE is paper white, highlights are above.
    """
    relief = _read_relief(surface, rig)
    scattered = _scattered(relief, rig)
    mirrored = _mirrored(relief, rig, surface.lay)
    mixed = mix(scattered, mirrored, surface.metal)
    varnish = times(_varnished(relief, rig), surface.gloss)
    return np.stack([times(channel, mixed) + varnish for channel in surface.colour])


def _read_relief(surface: Surface, rig: Rig) -> _Relief:
    right, down = (clamp(slope, -_STEEPEST, _STEEPEST) for slope in slopes(surface.height))
    upright = lookup(_cosines_of_tilt(), (right * right + down * down) >> 14)
    coarse = shrink(surface.height, _BACK) // (_BACK * _BACK)
    sight, openness = _sight_of_lamp(coarse, rig), _openness(coarse)
    return _Relief(right, down, upright, enlarge(sight, _BACK), enlarge(openness, _BACK))


def _scattered(relief: _Relief, rig: Rig) -> Plane:
    """Lambert's cosine, wrapped a little round the edge as by a large lamp, and the room."""
    wrapped = np.maximum(relief.cosines(rig.direction) + ONE // 5, 0) * 5 // 6
    return times(times(wrapped, relief.sight), rig.lamp) + times(relief.openness, rig.room)


def _varnished(relief: _Relief, rig: Rig) -> Plane:
    """Blinn's highlight, by the angle between the normal and the bisector of lamp and camera."""
    x, y, z = rig.direction
    length = isqrt(x * x + y * y + (z + ONE) * (z + ONE))
    bisector = x * ONE // length, y * ONE // length, (z + ONE) * ONE // length
    highlight = lookup(_powers(rig.sharpness), relief.cosines(bisector))
    return times(times(highlight, relief.sight), rig.lamp)


def _mirrored(relief: _Relief, rig: Rig, lay: NDArray[np.int32] | None) -> Plane:
    """What a metal mirrors: a dim room with a bright panel towards the lamp."""
    c, s = cosine(rig.angle), sine(rig.angle)
    towards = -(relief.right * c + relief.down * s) >> SHIFT
    across = (relief.down * c - relief.right * s) >> SHIFT
    # The mirrored ray leans by twice the normal's tilt: 2 * sin * cos.
    double = times(relief.upright, relief.upright) * 2
    panel = lookup(_panel(), times(towards, double) + ONE)
    panel = times(panel, lookup(_panel_ends(), np.abs(times(across, double)))) * 2
    if lay is not None:
        # Grooves fan the panel's image out across themselves: two bright wedges on a turned face.
        facing = (lay[0] * c + lay[1] * s) >> SHIFT
        squared = times(facing, facing)
        panel = times(panel, ONE * 5 // 8 + times(squared, squared))
    return times(times(panel, rig.lamp) + rig.room, ONE // 2 + (relief.sight >> 1))


def _sight_of_lamp(height: Plane, rig: Rig) -> Plane:
    """Return how much of the lamp each place sees, by walking towards it."""
    n = height.shape[0]
    x, y, z = rig.direction
    flat = isqrt(x * x + y * y)
    margin = max(_SEARCH) * n // 256 + 1
    padded = np.pad(height, margin, mode="edge")
    hidden = np.zeros_like(height)
    for step in _SEARCH:
        far = step * SIDE // 256
        dx, dy = (margin + far * part // flat * n // SIDE for part in (x, y))
        above = padded[dy : dy + n, dx : dx + n] - height - far * z // flat * RELIEF
        # The edge of a shadow is the softer the farther away what throws it.
        hidden = np.maximum(hidden, clamp(above, 0, far * RELIEF) * (ONE // RELIEF) // far)
    return ONE - blur(hidden, n // 256) * 15 // 16


def _openness(height: Plane) -> Plane:
    """Return how much of the room each place sees: hollows and inner corners see less."""
    n = height.shape[0]
    fine = height // 16
    near = blur(fine, max(n * 3 // 256, 1)) - fine
    wide = blur(fine, max(n * 10 // 256, 1)) - fine
    return ONE - clamp(near * 10, 0, ONE) // 2 - clamp(wide * 4, 0, ONE) // 3


@functools.cache
def _cosines_of_tilt() -> Plane:
    """1 / sqrt(1 + s) for the squared slope s, in steps of 2^-10."""
    squared = np.arange((1 << 15) + 1, dtype=np.int64) << 14
    return ONE * ONE // root(squared + ONE * ONE)


@functools.cache
def _powers(squarings: int) -> Plane:
    values = np.arange(ONE + 1, dtype=np.int32)
    for _ in range(squarings):
        values = times(values, values)
    return values


@functools.cache
def _panel() -> Plane:
    """Brightness of the mirrored room, by how far the ray leans towards the lamp (-1 to 1)."""
    camera, lamp, far_wall = _bump(0, 1200), _bump(1900, 1500), _bump(-2300, 1000)
    panel: Plane = ONE // 8 + camera * 3 // 8 + lamp * 5 // 4 + far_wall // 4
    return panel


def _bump(centre: int, half_width: int) -> Plane:
    lean = np.arange(-ONE, ONE + 1, dtype=np.int32)
    return smooth(clamp(ONE - np.abs(lean - centre) * ONE // half_width, 0, ONE))


@functools.cache
def _panel_ends() -> Plane:
    """How much of the panel's brightness is left, by how far the ray leans past its ends."""
    lean = np.arange(ONE + 1, dtype=np.int32)
    return ONE // 3 + smooth(clamp((3000 - lean) * 2, 0, ONE)) * 2 // 3
