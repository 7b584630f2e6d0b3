"""Blurring, resampling and slopes, in whole numbers."""

import numpy as np

from rlr.data.synthetic.fixed import ONE, RELIEF, SIDE, Mask, Plane


def blur(plane: Plane, radius: int) -> Plane:
    """Return `plane` under two box filters, which together are close to a Gaussian.

    Args:
        plane: Values below 2^31 / (rows + 2 * radius).
        radius: Pixels to either side; the border is continued.
    """
    if radius < 1:
        return plane
    for _ in range(2):
        plane = _box_along_rows(_box_along_rows(plane, radius).T, radius).T
    return np.ascontiguousarray(plane)


def _box_along_rows(plane: Plane, radius: int) -> Plane:
    width = 2 * radius + 1
    padded = np.pad(plane, ((0, 0), (radius + 1, radius)), mode="edge")
    sums = np.cumsum(padded, axis=1, dtype=np.int32)
    return (sums[:, width:] - sums[:, :-width] + radius) // width


def shrink(plane: Plane, factor: int) -> Plane:
    """Return the sums over squares of factor x factor pixels."""
    rows, columns = plane.shape[0] // factor, plane.shape[1] // factor
    parts = plane.reshape(rows, factor, columns, factor)
    total = np.zeros((rows, columns), dtype=np.int32)
    for row in range(factor):
        for column in range(factor):
            total += parts[:, row, :, column]
    return total


def enlarge(plane: Plane, factor: int) -> Plane:
    """Return `plane` with straight lines drawn between its pixels, `factor` times as large."""
    return _enlarge_rows(_enlarge_rows(plane, factor).T, factor).T


def _enlarge_rows(plane: Plane, factor: int) -> Plane:
    rows = plane.shape[0]
    place = np.maximum(2 * np.arange(rows * factor, dtype=np.int32) + 1 - factor, 0)
    upper = place // (2 * factor)
    share = (place - upper * 2 * factor)[:, None]
    lower = np.minimum(upper + 1, rows - 1)
    drawn: Plane = (plane[upper] * (2 * factor - share) + plane[lower] * share) // (2 * factor)
    return drawn


def slopes(height: Plane) -> tuple[Plane, Plane]:
    """Return the rise to the right and downwards, as shares of the run (ONE: 45 degrees)."""
    n = height.shape[1]
    right, down = np.zeros_like(height), np.zeros_like(height)
    right[:, 1:-1] = height[:, 2:] - height[:, :-2]
    down[1:-1, :] = height[2:, :] - height[:-2, :]
    right[:, 0], right[:, -1] = right[:, 1], right[:, -2]
    down[0], down[-1] = down[1], down[-2]
    # A pixel is SIDE / n lengths wide, and the differences span two of them.
    run = 2 * SIDE * RELIEF // ONE
    return right * n // run, down * n // run


def dilate(mask: Mask, radius: int) -> Mask:
    """Return the pixels within `radius` (city-block) of a true one."""
    for _ in range(radius):
        wider = mask.copy()
        wider[1:] |= mask[:-1]
        wider[:-1] |= mask[1:]
        wider[:, 1:] |= mask[:, :-1]
        wider[:, :-1] |= mask[:, 1:]
        mask = wider
    return mask
