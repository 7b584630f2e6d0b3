"""Families of noise: clouds, bands, camouflage, ridges, streaks, speckle, plain surfaces."""

import numpy as np

from procedural.fields import Draw, cloud, ranks, smooth, spectral, unit


def clouds(rng: np.random.Generator) -> Draw:
    """Power-law noise: its roughness and direction."""
    exponent, stretch = rng.uniform(0.6, 2.2), rng.choice([1.0, 1.0, 3.0, 6.0])
    angle = rng.uniform(0, np.pi)
    return lambda draw, side: spectral(draw, side, lambda f: f**-exponent, stretch, angle)


def bands(rng: np.random.Generator) -> Draw:
    """Noise of one scale: its wavelength, bandwidth and direction."""
    centre, width = 1 / np.exp(rng.uniform(np.log(4), np.log(28))), rng.uniform(0.12, 0.5)
    stretch, angle = rng.choice([1.0, 1.0, 2.0, 4.0]), rng.uniform(0, np.pi)

    def envelope(f: np.ndarray) -> np.ndarray:
        bell: np.ndarray = np.exp(-0.5 * (np.log(f / centre) / width) ** 2)
        return bell

    return lambda draw, side: spectral(draw, side, envelope, stretch, angle)


def camouflage(rng: np.random.Generator) -> Draw:
    """Noise cut into levels: their number, the scale and the smoothness of their borders."""
    levels, exponent = int(rng.integers(2, 6)), rng.uniform(1.2, 2.4)
    low = 1 / rng.uniform(16, 60)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        noise = spectral(draw, side, lambda f: np.maximum(f, low) ** -exponent)
        return unit(np.floor(np.clip((noise - 0.2) / 0.6, 0, 0.999) * levels))

    return draw_one


def ridges(rng: np.random.Generator) -> Draw:
    """Veins where noise changes its sign: their scale, width and depth of detail."""
    wavelength, width = np.exp(rng.uniform(np.log(10), np.log(50))), rng.uniform(0.03, 0.2)
    octaves, stretch = int(rng.integers(1, 4)), rng.choice([1.0, 1.0, 3.0])
    angle = rng.uniform(0, np.pi)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        veins = np.zeros((side, side), np.float32)
        for octave in range(octaves):
            centre = 2**octave / wavelength

            def envelope(f: np.ndarray, centre: float = centre) -> np.ndarray:
                bell: np.ndarray = np.exp(-0.5 * (np.log(f / centre) / 0.5) ** 2)
                return bell

            noise = spectral(draw, side, envelope, stretch, angle) - 0.5
            veins = np.maximum(veins, np.exp(-((noise / width) ** 2)) * 0.7**octave)
        return unit(veins)

    return draw_one


def streaks(rng: np.random.Generator) -> Draw:
    """Short marks in one direction over clouds: drizzle, fur, straw."""
    wavelength, stretch = rng.uniform(3, 9), rng.uniform(4, 10)
    angle, gain = rng.uniform(0, np.pi), rng.uniform(1, 4)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        noise = spectral(
            draw, side, lambda f: np.exp(-((f * wavelength - 1) ** 2) * 2), stretch, angle
        )
        bent = 1 / (1 + np.exp(-gain * 6 * (noise - 0.55)))
        return unit(bent + 0.3 * cloud(draw, side, 1.8))

    return draw_one


def speckle(rng: np.random.Generator) -> Draw:
    """Sparse grains: how many, how large, how uneven."""
    density, sigma = np.exp(rng.uniform(np.log(0.004), np.log(0.15))), rng.uniform(0.4, 2.0)
    both, floor = bool(rng.random() < 0.4), rng.uniform(0, 0.25)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        grains = (draw.random((side, side)) < density) * draw.uniform(0.4, 1, (side, side))
        if both:
            grains *= draw.choice([-1.0, 1.0], (side, side))
        blurred = smooth(grains.astype(np.float32), sigma)
        peak = np.quantile(np.abs(blurred), 0.995) + 1e-6
        ground = floor * (cloud(draw, side) - 0.5)
        return ranks(np.clip(blurred / peak, -1, 1) + ground)

    return draw_one


def plain(rng: np.random.Generator) -> Draw:
    """Nearly even surfaces: a gradient with a little noise of one roughness."""
    exponent, amount = rng.uniform(0, 1.5), rng.uniform(0.02, 0.2)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        slope = spectral(draw, side, lambda f: f**-2.8)
        noise = spectral(draw, side, lambda f: f**-exponent)
        field: np.ndarray = 0.4 + 0.3 * (slope - 0.5) + amount * (noise - 0.5)
        return field.astype(np.float32)

    return draw_one


NOISES = (clouds, bands, camouflage, ridges, streaks, speckle, plain)
