"""Irregularity: smooth random planes, streaks and cells, all in whole numbers."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, SHIFT, SIDE, Plane, clamp, mix, root, smooth


def cloud(draw: Draw, n: int, cell: int) -> Plane:
    """Return smooth noise: random values on a lattice, with rounded steps between them.

    Args:
        draw: Where the values come from.
        n: Rows and columns of the plane.
        cell: Width of a lattice cell, a length.

    Returns:
        Plane of shares in [-ONE, ONE].
    """
    rows, row_share = _lattice_position(draw, n, cell)
    columns, column_share = _lattice_position(draw, n, cell)
    values = draw.shares(int(rows[-1]) + 2, int(columns[-1]) + 2)
    lines = mix(values[rows], values[rows + 1], row_share[:, None])
    return mix(lines.take(columns, axis=1), lines.take(columns + 1, axis=1), column_share)


def clouds(draw: Draw, n: int, cell: int, octaves: int) -> Plane:
    """Return noise of several sizes, each half as wide and half as strong as the one before.

    Returns:
        Plane of shares in (-ONE, ONE).
    """
    total = np.zeros((n, n), dtype=np.int32)
    for octave in range(octaves):
        total += cloud(draw, n, max(cell >> octave, 1)) >> (octave + 1)
    return total


def cloud_at(draw: Draw, u: Plane, v: Plane, cell_u: int, cell_v: int) -> Plane:
    """Return smooth noise at any places: the lattice may be turned, bent or stretched.

    Args:
        draw: Where the values come from.
        u: First coordinate, lengths within two sides of the origin.
        v: Second coordinate, of the same shape.
        cell_u: Length of a lattice cell along u.
        cell_v: Length of a lattice cell along v.

    Returns:
        Plane of shares in [-ONE, ONE].
    """
    column, column_share = _cell_of(u, cell_u)
    row, row_share = _cell_of(v, cell_v)
    width = 4 * SIDE // cell_u + 3
    table = draw.shares((4 * SIDE // cell_v + 3) * width)
    corner = row * width + column
    upper = mix(table.take(corner), table.take(corner + 1), column_share)
    corner += width
    lower = mix(table.take(corner), table.take(corner + 1), column_share)
    return mix(upper, lower, row_share)


def rings(draw: Draw, count: int, cell: int) -> Plane:
    """Return smooth noise along one line of `count` steps, `cell` steps to a lattice cell."""
    place = np.arange(count, dtype=np.int32)
    step, share = place // cell, smooth((place % cell) * ONE // cell)
    values = draw.shares(int(step[-1]) + 2)
    return mix(values[step], values[step + 1], share)


def cells(draw: Draw, u: Plane, v: Plane, cell: int) -> tuple[Plane, Plane, Plane]:
    """Divide the plane into irregular cells round scattered seeds (Worley, 1996).

    Args:
        draw: Where the seeds come from.
        u: First coordinate, lengths in [0, 2 * SIDE).
        v: Second coordinate.
        cell: Mean width of a cell, a length.

    Returns:
        Distance to the nearest seed and to the second nearest, as shares of `cell`, and a
        random share in [-ONE, ONE) that is the same all over a cell.
    """
    width = 2 * SIDE // cell + 4
    seed_u, seed_v, names = ((draw.shares(width * width) + ONE) >> 1 for _ in range(3))
    column, row = u // cell + 1, v // cell + 1
    inner_u = (u % cell) * ONE // cell
    inner_v = (v % cell) * ONE // cell
    nearest = np.full(u.shape, 16 * ONE * ONE, dtype=np.int32)
    second = nearest.copy()
    name = np.zeros(u.shape, dtype=np.int32)
    for step_v in (-1, 0, 1):
        for step_u in (-1, 0, 1):
            place = (row + step_v) * width + column + step_u
            du = seed_u.take(place) + (step_u * ONE) - inner_u
            dv = seed_v.take(place) + (step_v * ONE) - inner_v
            squared = du * du + dv * dv
            second = np.minimum(second, np.maximum(nearest, squared))
            name = np.where(squared < nearest, names.take(place), name)
            nearest = np.minimum(nearest, squared)
    return root(nearest), root(second), 2 * name - ONE


def _lattice_position(draw: Draw, n: int, cell: int) -> tuple[Plane, Plane]:
    """Return the lattice line before each pixel and the rounded share of the way to the next."""
    offset = draw.integer(0, cell - 1)
    place = (2 * np.arange(n, dtype=np.int32) + 1) * SIDE // (2 * n) + offset
    return place // cell, smooth((place % cell) * ONE // cell)


def _cell_of(coordinate: Plane, cell: int) -> tuple[Plane, Plane]:
    shifted = clamp(coordinate + 2 * SIDE, 0, 4 * SIDE)
    index = shifted // cell
    return index, smooth(((shifted - index * cell) << SHIFT) // cell)
