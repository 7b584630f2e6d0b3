"""Building blocks of the families: noise, coordinates, warping. All fields are (P, P), 0 to 1."""

from collections.abc import Callable

import numpy as np
from scipy import ndimage

Draw = Callable[[np.random.Generator, int], np.ndarray]  # one realisation of a class
Family = Callable[[np.random.Generator], Draw]  # draws the parameters of a class


def unit(field: np.ndarray) -> np.ndarray:
    """Stretch a field to 0 to 1."""
    low, high = field.min(), field.max()
    stretched: np.ndarray = (field - low) / max(float(high - low), 1e-6)
    return stretched.astype(np.float32)


def ranks(field: np.ndarray) -> np.ndarray:
    """Bring a noise to a similar spread whatever its spectrum: three standard deviations wide."""
    clipped = np.clip((field - field.mean()) / (6 * max(float(field.std()), 1e-6)) + 0.5, 0, 1)
    flat: np.ndarray = clipped.astype(np.float32)
    return flat


def grid(side: int, angle: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y in pixels, turned by an angle in radians."""
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def spectral(
    rng: np.random.Generator,
    side: int,
    envelope: Callable[[np.ndarray], np.ndarray],
    stretch: float = 1.0,
    angle: float = 0.0,
) -> np.ndarray:
    """Draw Gaussian noise whose amplitude spectrum is a function of the frequency.

    Args:
        rng: Draws the phases.
        side: P.
        envelope: Amplitude at a frequency in cycles a pixel.
        stretch: How much longer structures are along the angle than across it.
        angle: Radians.
    """
    fy, fx = np.fft.fftfreq(side)[:, None], np.fft.rfftfreq(side)[None, :]
    along = fx * np.cos(angle) + fy * np.sin(angle)
    across = fy * np.cos(angle) - fx * np.sin(angle)
    frequency = np.hypot(along * stretch, across)
    frequency[0, 0] = 1.0
    amplitude = envelope(frequency)
    amplitude[0, 0] = 0.0
    spectrum = np.fft.rfft2(rng.standard_normal((side, side)).astype(np.float32))
    return ranks(np.fft.irfft2(spectrum * amplitude, s=(side, side)))


def cloud(rng: np.random.Generator, side: int, exponent: float = 1.5) -> np.ndarray:
    """Draw noise with a spectrum that falls as a power of the frequency."""
    return spectral(rng, side, lambda f: f**-exponent)


def warped(
    rng: np.random.Generator, x: np.ndarray, y: np.ndarray, strength: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shift coordinates by smooth noise of up to about `strength` pixels."""
    if strength <= 0:
        return x, y
    side = x.shape[0]
    shift = 2 * strength
    return (
        x + shift * (cloud(rng, side, 2.2) - 0.5),
        y + shift * (cloud(rng, side, 2.2) - 0.5),
    )


def smooth(field: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by a Gaussian; the canvas wraps around."""
    blurred: np.ndarray = ndimage.gaussian_filter(field, sigma, mode="wrap", truncate=2.5)
    return blurred
