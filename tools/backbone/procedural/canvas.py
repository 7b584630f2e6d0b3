"""From a family's field to a coloured, lit canvas: what makes a class, and one picture of it."""

from dataclasses import dataclass

import numpy as np

from procedural.fields import Draw, cloud, smooth
from procedural.lattices import LATTICES
from procedural.noises import NOISES
from procedural.scatters import SCATTERS

FAMILIES = (*NOISES, *LATTICES, *SCATTERS)
NO_RELIEF = {"cells"}  # lit cells are leather's grain, which is the demo's


@dataclass(frozen=True)
class Material:
    """A class: everything that its pictures have in common.

    Attributes:
        draw: Draws its field.
        second: Another field laid over it, or none.
        share: How strongly the second field shows.
        palette: (n, 3), RGB along the field's values.
        relief: Depth of the surface under raking light; 0: flat print.
        gloss: Strength of its highlights.
    """

    draw: Draw
    second: Draw | None
    share: float
    palette: np.ndarray
    relief: float
    gloss: float


def material(seed: int, number: int) -> Material:
    """Draw the class of a number; the same for ever for one seed."""
    rng = np.random.default_rng((seed, number))
    family = FAMILIES[number % len(FAMILIES)]
    draw = family(rng)
    other = FAMILIES[int(rng.integers(len(FAMILIES)))]
    second = other(rng) if rng.random() < 0.35 else None
    relief = rng.uniform(0.5, 2.5) if rng.random() < 0.4 else 0.0
    if NO_RELIEF & {family.__name__, other.__name__}:
        relief = 0.0
    gloss = rng.uniform(0, 0.5) * (rng.random() < 0.5)
    return Material(draw, second, rng.uniform(0.15, 0.5), _palette(rng), relief, gloss)


def _palette(rng: np.random.Generator) -> np.ndarray:
    """Draw two to four colours, from grey to vivid, dark to light in some order."""
    count = int(rng.integers(2, 5))
    base = rng.uniform(0.1, 0.9, 3)
    grey = rng.choice([0.0, 0.15, 0.5, 1.0])
    levels = np.sort(rng.uniform(0.05, 0.98, count))
    if levels[-1] - levels[0] < 0.25:
        levels = np.linspace(max(levels[0] - 0.2, 0.02), min(levels[-1] + 0.2, 0.98), count)
    if rng.random() < 0.4:
        levels = levels[::-1]
    tints = base + rng.normal(0, 0.25, (count, 3)) * grey
    tints = tints.mean(1, keepdims=True) * (1 - grey) + tints * grey
    colours: np.ndarray = levels[:, None] * 0.75 + 0.25 * tints
    return np.clip(colours, 0, 1).astype(np.float32)


def paint(kind: Material, rng: np.random.Generator, side: int) -> np.ndarray:
    """Draw one picture of a class.

    Args:
        kind: The class.
        rng: Draws what differs between its pictures.
        side: P.

    Returns:
        (P, P, 3), uint8.
    """
    field = kind.draw(rng, side)
    if kind.second is not None:
        field = (1 - kind.share) * field + kind.share * kind.second(rng, side)
    field = np.clip(field, 0, 1)
    stops = np.linspace(0, 1, len(kind.palette))
    image = np.stack([np.interp(field, stops, channel) for channel in kind.palette.T], -1)
    if kind.relief:
        image = _lit(image, field, kind, rng)
    image *= 1 + 0.25 * (cloud(rng, side, 2.5)[..., None] - 0.5)
    return (np.clip(image, 0, 1) * 255).astype(np.uint8)


def _lit(
    image: np.ndarray, field: np.ndarray, kind: Material, rng: np.random.Generator
) -> np.ndarray:
    """Light the field as a height from one side, with highlights."""
    dy, dx = np.gradient(smooth(field, 0.8) * kind.relief * 6)
    angle = rng.uniform(0, 2 * np.pi)
    slope = dx * np.cos(angle) + dy * np.sin(angle)
    normal = 1 / np.sqrt(1 + dx**2 + dy**2)
    light = np.clip((0.7 + slope * 0.7) * normal, 0, 1.6)
    shine = kind.gloss * np.clip(light, 0, 1.2) ** 12
    flat = 0.6 * image + 0.4 * image.mean((0, 1))  # height shows more by light than by colour
    lit: np.ndarray = flat * (0.35 + 0.75 * light)[..., None] + shine[..., None]
    return lit


__all__ = ["FAMILIES", "Material", "material", "paint"]
