"""From light to eight bits: exposure, lens, sensor noise and tone curve."""

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.filters import shrink
from rlr.data.synthetic.fixed import ONE, SHIFT, Plane, cosine, mix, root, sine, times

_WHITE = 4 * ONE  # a pixel of paper white: four samples of ONE
_BRIGHTEST = 4 * _WHITE
_FINE = 16  # steps in one grey level before rounding


@dataclass(frozen=True)
class Camera:
    """The state of lamp fall-off, lens and sensor in one picture.

    Attributes:
        exposure: Gain, a share.
        cast: Gains of red, green and blue, shares.
        gradient: Direction in which the light grows.
        slope: How much it grows from the middle to the border, a share.
        vignette: Share of the light lost in the corners.
        defocus: Share of the light that strays to neighbouring pixels.
        noise: Standard deviation of the noise, in 1/16 grey level.
    """

    exposure: int
    cast: tuple[int, int, int]
    gradient: int
    slope: int
    vignette: int
    defocus: int
    noise: int


def draw_camera(draw: Draw) -> Camera:
    """Return a camera as it is found on the day: never twice the same."""
    cast = tuple(ONE + draw.integer(-110, 110) for _ in range(3))
    return Camera(
        exposure=ONE + draw.integer(-520, 520),
        cast=(cast[0], cast[1], cast[2]),
        gradient=draw.angle(),
        slope=draw.integer(100, 700),
        vignette=draw.integer(300, 900),
        defocus=draw.integer(ONE // 3, ONE),
        noise=draw.integer(14, 24),
    )


def expose(light: NDArray[np.int32], camera: Camera, oversampling: int) -> NDArray[np.int32]:
    """Return the noiseless picture in sixteenths of a grey level.

    Args:
        light: Light of each sample (3, n, n), ONE is paper white.
        camera: State of the camera.
        oversampling: Samples a side of each pixel.

    Returns:
        Array (3, H, W), int32, in [0, 255 * 16].
    """
    gain = _falloff(camera, light.shape[1] // oversampling)
    channels = []
    for channel, cast in zip(light, camera.cast, strict=True):
        samples = shrink(np.minimum(channel, 4 * ONE), oversampling) * 4 // oversampling**2
        pixels = np.minimum(times(samples, times(gain, cast)), _BRIGHTEST)
        channels.append(np.take(_tone_curve(), _defocused(pixels, camera.defocus), mode="clip"))
    return np.stack(channels)


def digitise(fine: NDArray[np.int32], camera: Camera, draw: Draw) -> NDArray[np.uint8]:
    """Add the sensor's noise and round to eight bits.

    Light arrives in grains, and the deviation of their number is its square root; behind the
    tone curve, which is close to a square root too, that noise is equally strong everywhere.

    Returns:
        Array (H, W, 3), uint8.
    """
    shape = fine.shape[1:]
    common = _bell(draw, *shape)
    noisy = [
        fine_channel + ((common * 3 + _bell(draw, *shape) * 2) * camera.noise >> (SHIFT + 2))
        for fine_channel in fine
    ]
    rounded = (np.stack(noisy, axis=-1) + _FINE // 2) // _FINE
    picture: NDArray[np.uint8] = np.clip(rounded, 0, 255).astype(np.uint8)
    return picture


def _bell(draw: Draw, rows: int, columns: int) -> Plane:
    """Return draws of a bell curve of deviation close to ONE: the sum of four even ones."""
    parts = draw.shares(4, rows * columns)
    total: Plane = parts.sum(axis=0, dtype=np.int32)
    return (total * 7 >> 3).reshape(rows, columns)


def _falloff(camera: Camera, n: int) -> Plane:
    """Return the gain of each pixel: exposure, the lamp's gradient and the lens's vignetting."""
    line = (2 * np.arange(n, dtype=np.int32) + 1 - n) * ONE // n
    x, y = line[None, :], line[:, None]
    lean = (x * cosine(camera.gradient) + y * sine(camera.gradient)) >> SHIFT
    corner = (x * x + y * y) >> (SHIFT + 1)
    light = ONE + times(lean, camera.slope) - times(times(corner, corner), camera.vignette)
    return times(light, camera.exposure)


def _defocused(pixels: Plane, strength: Plane | int) -> Plane:
    """Blend with the mean of the 3 x 3 neighbours, weighed 1 2 1."""
    padded = np.pad(pixels, 1, mode="edge")
    lines = padded[:-2] + 2 * padded[1:-1] + padded[2:]
    soft = (lines[:, :-2] + 2 * lines[:, 1:-1] + lines[:, 2:]) >> 4
    return mix(pixels, soft, strength)


@functools.cache
def _tone_curve() -> Plane:
    """Grey level, in sixteenths, of each amount of light: a soft shoulder, then a root."""
    light = np.arange(_BRIGHTEST + 1, dtype=np.int64)
    compressed = np.minimum(light * (5 * _WHITE) // (light + 4 * _WHITE), _WHITE)
    return root(compressed * (255 * _FINE) ** 2 // _WHITE)
