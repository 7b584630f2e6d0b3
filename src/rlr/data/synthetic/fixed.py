"""Fixed-point arithmetic: shares, lengths, angles, and the few functions that pictures need.

Units, used in every file of this folder:

    share    4096 is one whole (`ONE`): colours, coverage, sines, slopes
    length   16384 is the side of the picture (`SIDE`), whatever its number of pixels
    height   1/64 of a length, so that slopes of flat reliefs do not vanish
    angle    4096 is a full turn (`TURN`), counter-clockwise from the x axis, y pointing down

A `Plane` is an int32 array (rows, columns), a `Mask` a boolean one.
"""

import functools

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.int32]
Mask = NDArray[np.bool_]

SHIFT = 12
ONE = 1 << SHIFT
SIDE = 1 << 14
TURN = 1 << 12
RELIEF = 64  # heights in one length

_DIGITS = 80  # bits behind the point while the sine table is made


def clamp(plane: Plane, low: int, high: int) -> Plane:
    """Return `plane` limited to [low, high]."""
    return np.minimum(np.maximum(plane, low), high)


def mix(first: Plane, second: Plane | int, share: Plane | int) -> Plane:
    """Return `first` where `share` is 0, `second` where it is ONE, and the blend between."""
    mixed: Plane = first + (((second - first) * share) >> SHIFT)
    return mixed


def times(first: Plane, second: Plane | int) -> Plane:
    """Return the product of two shares."""
    return (first * second) >> SHIFT


def ramp(plane: Plane, low: int, high: int) -> Plane:
    """Return 0 up to `low`, ONE from `high`, and the straight line between (low < high)."""
    return clamp((clamp(plane, low, high) - low) * ONE // (high - low), 0, ONE)


def smooth(share: Plane) -> Plane:
    """Return 3t^2 - 2t^3: a ramp whose ends are rounded."""
    return (((share * share) >> SHIFT) * (3 * ONE - 2 * share)) >> SHIFT


def whole(mask: Mask) -> Plane:
    """Return ONE where `mask` is true, 0 elsewhere."""
    return mask.astype(np.int32) * ONE


def lookup(table: Plane, index: Plane) -> Plane:
    """Return `table[index]`, its ends continued for ever."""
    return np.take(table, index, mode="clip")


def root(plane: Plane | NDArray[np.int64]) -> Plane:
    """Return the integer part of the square root.

    IEEE 754 prescribes every bit of a square root, and for integers below 2^52 the integer
    part of the rounded root is that of the true one: this is exact on every processor.
    """
    return np.sqrt(plane.astype(np.float64)).astype(np.int32)


def distance(u: Plane, v: Plane) -> Plane:
    """Return the length of the vectors (u, v), each below 2 * SIDE."""
    return root(u * u + v * v)


def sine(angle: int) -> int:
    """Return the sine of an angle, as a share."""
    return _sines()[angle % TURN]


def cosine(angle: int) -> int:
    """Return the cosine of an angle, as a share."""
    return _sines()[(angle + TURN // 4) % TURN]


@functools.cache
def sine_table() -> Plane:
    """Return the sines of all angles."""
    return np.array(_sines(), dtype=np.int32)


@functools.cache
def _sines() -> tuple[int, ...]:
    """Sum the Taylor series in long integers: no processor's rounding enters."""
    pi = 16 * _arctangent_of_inverse(5) - 4 * _arctangent_of_inverse(239)
    quarter = [_sine_of(2 * pi * step // TURN) for step in range(TURN // 4 + 1)]
    half = quarter + quarter[-2:0:-1]
    return tuple(half + [-value for value in half])


def _sine_of(x: int) -> int:
    total, term, order = 0, x, 1
    while term:
        total += term
        term = -((((term * x) >> _DIGITS) * x) >> _DIGITS) // ((order + 1) * (order + 2))
        order += 2
        if abs(term) <= 1:
            break
    return ((total >> (_DIGITS - SHIFT - 1)) + 1) >> 1


def _arctangent_of_inverse(n: int) -> int:
    total, power, order = 0, (1 << _DIGITS) // n, 1
    while power:
        total += power // order if order % 4 == 1 else -(power // order)
        power //= n * n
        order += 2
    return total
