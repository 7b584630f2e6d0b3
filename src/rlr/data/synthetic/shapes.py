"""Where things are: the canvas, the pose of a part, and distances to the edges of shapes."""

from dataclasses import dataclass

import numpy as np

from rlr.data.synthetic.fixed import ONE, SHIFT, SIDE, Plane, clamp, cosine, distance, sine

Point = tuple[int, int]
Window = tuple[slice, slice]
WHOLE: Window = (slice(None), slice(None))


class Canvas:
    """The square of sample points, several to each pixel of the finished picture.

    Attributes:
        n: Samples a side.
        pixel: Width of a sample, a length.
        x: Plane of horizontal places, lengths from the left.
        y: Plane of vertical places, lengths from the top.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self.pixel = SIDE // n
        line = ((2 * np.arange(n, dtype=np.int32) + 1) * SIDE) // (2 * n)
        self.x = np.ascontiguousarray(np.broadcast_to(line[None, :], (n, n)))
        self.y = np.ascontiguousarray(np.broadcast_to(line[:, None], (n, n)))

    def window(self, low: Point, high: Point) -> Window:
        """Return the samples of a rectangle, at least one."""
        return self._span(low[1], high[1]), self._span(low[0], high[0])

    def around(self, centre: Point, reach: int) -> Window:
        """Return the samples of the square that reaches so far round a point."""
        x, y = centre
        return self.window((x - reach, y - reach), (x + reach, y + reach))

    def cover(self, inside: Plane) -> Plane:
        """Return the share of each sample that lies in a shape.

        Args:
            inside: Distance to the shape's edge, a length, negative outside.
        """
        return clamp(clamp(inside, -SIDE, SIDE) * ONE // self.pixel + ONE // 2, 0, ONE)

    def zeros(self) -> Plane:
        """Return a plane of zeros."""
        return np.zeros((self.n, self.n), dtype=np.int32)

    def _span(self, low: int, high: int) -> slice:
        first = min(max(low * self.n // SIDE, 0), self.n - 1)
        return slice(first, max(min(high * self.n // SIDE + 1, self.n), first + 1))


@dataclass(frozen=True)
class Pose:
    """Where a part lies: the place of its origin, its turn, and its size as a share."""

    x: int
    y: int
    angle: int
    scale: int = ONE

    def local(self, x: Plane, y: Plane) -> tuple[Plane, Plane]:
        """Return the part's own coordinates of places in the picture."""
        c, s = cosine(self.angle), sine(self.angle)
        dx, dy = (x - self.x) * ONE // self.scale, (y - self.y) * ONE // self.scale
        return (dx * c + dy * s) >> SHIFT, (dy * c - dx * s) >> SHIFT

    def place(self, u: int, v: int) -> Point:
        """Return where a point of the part lies in the picture."""
        c, s = cosine(self.angle), sine(self.angle)
        x, y = (u * c - v * s) // ONE, (u * s + v * c) // ONE
        return self.x + x * self.scale // ONE, self.y + y * self.scale // ONE


def polar(radius: int, angle: int) -> Point:
    """Return the point so far from the origin in a direction."""
    return radius * cosine(angle) // ONE, radius * sine(angle) // ONE


def box(u: Plane, v: Plane, half_u: int, half_v: int, radius: int) -> Plane:
    """Return the distance to the edge of a rectangle with rounded corners, positive inside."""
    du, dv = np.abs(u) - (half_u - radius), np.abs(v) - (half_v - radius)
    outside = distance(np.maximum(du, 0), np.maximum(dv, 0))
    inside: Plane = radius - outside - np.minimum(np.maximum(du, dv), 0)
    return inside
