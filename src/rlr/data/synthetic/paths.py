"""Paths of straight pieces: how they wander, and how far every sample is from one."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, SHIFT, SIDE, Plane, distance
from rlr.data.synthetic.shapes import Canvas, Point, Window, polar

FAR = 4 * SIDE
_PIECES = 16


def wander(draw: Draw, start: Point, angle: int, length: int, bend: int) -> list[Point]:
    """Return a path that jags to and fro and slowly turns.

    Args:
        draw: Where the changes come from.
        start: First point.
        angle: First direction.
        length: Length of the whole path.
        bend: Largest jag, an angle.
    """
    points = [start]
    for _ in range(_PIECES):
        dx, dy = polar(length // _PIECES, angle + draw.integer(-bend, bend))
        points.append((points[-1][0] + dx, points[-1][1] + dy))
        angle += draw.integer(-bend, bend) // 3
    return points


def arc(draw: Draw, centre: Point, angle: int, length: int, curl: int) -> list[Point]:
    """Return a smooth curve through a point.

    Args:
        draw: Where its bends come from.
        centre: The point in its middle.
        angle: Direction at its start.
        length: Length of the whole path.
        curl: Largest bend from start to end, an angle; half as much again is S-shaped.
    """
    bend, sway = draw.integer(-curl, curl), draw.integer(-curl // 2, curl // 2)
    points = [(0, 0)]
    for step in range(_PIECES):
        turn = angle + bend * step // _PIECES + sway * step * step // (_PIECES * _PIECES)
        dx, dy = polar(length // _PIECES, turn)
        points.append((points[-1][0] + dx, points[-1][1] + dy))
    middle_x, middle_y = points[_PIECES // 2]
    return [(centre[0] + x - middle_x, centre[1] + y - middle_y) for x, y in points]


def stroke(canvas: Canvas, points: Sequence[Point], reach: int) -> tuple[Window, Plane, Plane]:
    """Measure the canvas against a path.

    Args:
        canvas: The sample points.
        points: Ends of the path's pieces.
        reach: Farthest distance that matters, a length.

    Returns:
        The window that the path lies in, each sample's distance to it (`FAR` beyond the reach),
        and how far along the path the nearest point is, as a share.
    """
    across, down = zip(*points, strict=True)
    low, high = (min(across) - reach, min(down) - reach), (max(across) + reach, max(down) + reach)
    window = canvas.window(low, high)
    x, y = canvas.x[window], canvas.y[window]
    nearest, along = np.full(x.shape, FAR, dtype=np.int32), np.zeros(x.shape, dtype=np.int32)
    for number, (start, end) in enumerate(pairwise(points)):
        far, share = to_piece(x, y, start, end)
        closer = far < nearest
        along[closer] = (number * ONE + share[closer]) // (len(points) - 1)
        nearest = np.minimum(nearest, far)
    nearest[nearest > reach] = FAR
    return window, nearest, along


def to_piece(x: Plane, y: Plane, start: Point, end: Point) -> tuple[Plane, Plane]:
    """Return the distance to a straight piece and the share of it before the nearest point."""
    du, dv = end[0] - start[0], end[1] - start[1]
    dx, dy = x - start[0], y - start[1]
    ahead = (dx * du + dy * dv).astype(np.int64) << SHIFT
    share = np.clip(ahead // max(du * du + dv * dv, 1), 0, ONE).astype(np.int32)
    return distance(dx - (share * du >> SHIFT), dy - (share * dv >> SHIFT)), share
