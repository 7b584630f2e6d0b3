"""Defects pasted into normal images by rule, for a bench that never sees a test image.

Each kind takes an image (h, w, 3), float64 from 0 to 1, and a generator of random numbers; it
returns the damaged image and where it was damaged, (h, w) boolean. Sizes are shares of the
shorter side, so that large and small images get alike defects. They are faint on purpose: a bench
on which every method is perfect tells nothing.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter, map_coordinates, rotate, zoom
from scipy.special import expit

Picture = np.ndarray  # (h, w, 3), float64 from 0 to 1
Mask = np.ndarray  # (h, w), boolean
Damage = tuple[Picture, Mask]
VISIBLE = 0.02  # least change of a pixel that counts as damaged, of the range 0 to 1


def scratch(image: Picture, draw: np.random.Generator) -> Damage:
    """Draw one to three thin curved lines, lighter or darker than what lies below."""
    canvas = np.zeros(image.shape[:2])
    for _ in range(draw.integers(1, 4)):
        path = _curve(image, draw, wander=0.15, length=draw.uniform(0.15, 0.5))
        canvas = np.maximum(canvas, _line(image, path, draw.uniform(0.004, 0.012)))
    return _shade(image, canvas, draw)


def crack(image: Picture, draw: np.random.Generator) -> Damage:
    """Draw a jagged dark line with branches."""
    trunk = _curve(image, draw, wander=0.8, length=draw.uniform(0.2, 0.6))
    canvas = _line(image, trunk, draw.uniform(0.004, 0.010))
    for _ in range(draw.integers(0, 4)):
        start = trunk[draw.integers(len(trunk))]
        branch = _curve(image, draw, wander=0.9, length=draw.uniform(0.05, 0.2), start=start)
        canvas = np.maximum(canvas, _line(image, branch, 0.004))
    return _shade(image, canvas, draw, darker=True)


def stain(image: Picture, draw: np.random.Generator) -> Damage:
    """Tint a soft blob."""
    blob = _blob(image, draw, draw.uniform(0.04, 0.16))
    tint = draw.normal(0.0, 1.0, 3)
    tint = 0.7 * tint.mean() + 0.3 * tint  # more light than colour: many parts are grey
    change = blob[:, :, None] * tint / np.abs(tint).max() * draw.uniform(0.08, 0.30)
    return _damage(image, image + change)


def pit(image: Picture, draw: np.random.Generator) -> Damage:
    """Press one to four small holes: a dark ground and a lit rim."""
    damaged = image.copy()
    side = min(image.shape[:2])
    for _ in range(draw.integers(1, 5)):
        radius = side * draw.uniform(0.012, 0.04)
        y, x = _place(image, draw)
        rows, columns = np.indices(image.shape[:2])
        angle, squeeze = draw.uniform(0, np.pi), draw.uniform(0.5, 1.0)
        along = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
        across = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
        distance = np.hypot(along, across / squeeze) / radius
        ground = expit(8.0 * (0.8 - distance))
        rim = np.exp(-(((distance - 1.1) / 0.25) ** 2)) * np.clip(along / radius, -1.0, 1.0)
        change = draw.uniform(0.10, 0.35) * (0.5 * rim - ground)
        damaged = damaged + change[:, :, None]
    return _damage(image, damaged)


def foreign(image: Picture, draw: np.random.Generator) -> Damage:
    """Blend generated texture into a blob: rust, lint, another material."""
    grain = gaussian_filter(
        draw.normal(size=image.shape[:2]), (draw.uniform(0.4, 3.0), draw.uniform(0.4, 3.0))
    )
    grain = rotate(grain, draw.uniform(0, 180), reshape=False, order=1, mode="reflect")
    grain /= grain.std()
    colour = image.mean(axis=(0, 1)) + draw.normal(0.0, 0.12, 3) * (0.3 + 0.7 * draw.random())
    material = colour + grain[:, :, None] * draw.uniform(0.03, 0.12)
    blob = (_blob(image, draw, draw.uniform(0.03, 0.12)) > 0.5).astype(float)
    weight = gaussian_filter(blob, 1.0)[:, :, None] * draw.uniform(0.35, 0.9)
    return _damage(image, image * (1.0 - weight) + material * weight)


def misplaced(image: Picture, draw: np.random.Generator) -> Damage:
    """Paste a turned piece of the image somewhere else in it."""
    side = min(image.shape[:2])
    height, width = (max(6, int(side * draw.uniform(0.06, 0.22))) for _ in range(2))
    top, left = _corner(image, draw, height, width)
    piece = rotate(
        image[top : top + height, left : left + width],
        draw.uniform(20, 340),
        reshape=False,
        order=1,
        mode="reflect",
    )
    top, left = _corner(image, draw, height, width)
    window = np.zeros(image.shape[:2])
    window[top : top + height, left : left + width] = 1.0
    pasted = image.copy()
    pasted[top : top + height, left : left + width] = piece
    weight = gaussian_filter(window, 0.8)[:, :, None]
    return _damage(image, image * (1.0 - weight) + pasted * weight)


def dented(image: Picture, draw: np.random.Generator) -> Damage:
    """Pull the picture together or apart about a point."""
    side = min(image.shape[:2])
    radius = side * draw.uniform(0.08, 0.2)
    y, x = _place(image, draw)
    rows, columns = np.indices(image.shape[:2]).astype(float)
    pull = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / (2 * (radius / 2) ** 2))
    strength = draw.choice([-1.0, 1.0]) * draw.uniform(0.3, 0.6)
    turn = draw.uniform(-0.6, 0.6)
    dy, dx = rows - y, columns - x
    at = (y + dy * (1 + strength * pull) + dx * turn * pull,
          x + dx * (1 + strength * pull) - dy * turn * pull)  # fmt: skip
    bent = np.stack(
        [map_coordinates(image[:, :, band], at, order=1, mode="reflect") for band in range(3)], -1
    )
    return _damage(image, bent)


def smeared(image: Picture, draw: np.random.Generator) -> Damage:
    """Blur a blob, along one direction or all, or cover it with grain."""
    blob = _blob(image, draw, draw.uniform(0.05, 0.16))[:, :, None]
    side = min(image.shape[:2])
    widths = draw.uniform(0.004, 0.02, 2) * side
    blurred = gaussian_filter(image, (*widths, 0.0))
    noisy = image + gaussian_filter(draw.normal(size=image.shape[:2]), 0.7)[:, :, None] * 0.12
    return _damage(image, image * (1 - blob) + (blurred if draw.random() < 0.6 else noisy) * blob)


KINDS: dict[str, Callable[[Picture, np.random.Generator], Damage]] = {
    kind.__name__: kind
    for kind in (scratch, crack, stain, pit, foreign, misplaced, dented, smeared)
}


def paste(kind: str, image: np.ndarray, draw: np.random.Generator, tries: int = 20) -> Damage:
    """Damage an image.

    Args:
        kind: One of `KINDS`.
        image: (h, w, 3), uint8.
        draw: Generator of random numbers.
        tries: How often to draw anew where hardly anything changed.

    Returns:
        The image, uint8, and the mask of what differs from the original.

    Raises:
        ValueError: Nothing visible came of it, however often it was tried.
    """
    picture = image.astype(np.float64) / 255.0
    least = max(8, round(1e-4 * picture.shape[0] * picture.shape[1]))
    for _ in range(tries):
        damaged, mask = KINDS[kind](picture, draw)
        if mask.sum() >= least:
            return np.round(damaged * 255.0).astype(np.uint8), mask
    raise ValueError(f"no visible {kind} in {tries} tries")


def _damage(image: Picture, damaged: Picture) -> Damage:
    damaged = np.clip(damaged, 0.0, 1.0)
    changed = gaussian_filter(np.abs(damaged - image).mean(axis=2), 0.5)
    return damaged, changed > VISIBLE


def _shade(
    image: Picture, canvas: np.ndarray, draw: np.random.Generator, darker: bool = False
) -> Damage:
    sign = -1.0 if darker else draw.choice([-1.0, 1.0])
    return _damage(image, image + (sign * draw.uniform(0.10, 0.35) * canvas)[:, :, None])


def _place(image: Picture, draw: np.random.Generator) -> tuple[float, float]:
    """Draw a point, off the border, and rather where there is something to be seen."""
    height, width = image.shape[:2]
    candidates = draw.uniform(0.12, 0.88, (4, 2)) * (height, width)
    grey = image.mean(axis=2)
    detail = np.abs(grey - gaussian_filter(grey, 0.05 * min(height, width)))
    weights = [gaussian_filter(detail, 3.0)[int(y), int(x)] + 0.01 for y, x in candidates]
    chosen = candidates[draw.choice(4, p=np.array(weights) / np.sum(weights))]
    return float(chosen[0]), float(chosen[1])


def _corner(image: Picture, draw: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    y, x = _place(image, draw)
    top = int(np.clip(y - height / 2, 0, image.shape[0] - height))
    left = int(np.clip(x - width / 2, 0, image.shape[1] - width))
    return top, left


def _blob(image: Picture, draw: np.random.Generator, share: float) -> np.ndarray:
    """Return a soft irregular patch, from 0 to 1, about a drawn place."""
    height, width = image.shape[:2]
    radius = share * min(height, width)
    y, x = _place(image, draw)
    rows, columns = np.indices((height, width)).astype(float)
    angle, squeeze = draw.uniform(0, np.pi), draw.uniform(0.4, 1.0)
    along = (rows - y) * np.cos(angle) + (columns - x) * np.sin(angle)
    across = (columns - x) * np.cos(angle) - (rows - y) * np.sin(angle)
    distance = np.hypot(along, across / squeeze) / radius
    coarse = draw.normal(size=(12, 12))
    wobble = zoom(coarse, (height / 12, width / 12), order=3)[:height, :width]
    blob: np.ndarray = expit(6.0 * (1.0 - distance - 0.35 * wobble))
    return blob


def _curve(
    image: Picture,
    draw: np.random.Generator,
    wander: float,
    length: float,
    start: tuple[float, float] | None = None,
) -> list[tuple[float, float]]:
    """Return a walk of points (y, x) that turns at random."""
    y, x = start or _place(image, draw)
    heading, steps = draw.uniform(0, 2 * np.pi), 24
    stride = length * min(image.shape[:2]) / steps
    points = [(y, x)]
    for _ in range(steps):
        heading += draw.normal(0.0, wander)
        y, x = y + stride * np.sin(heading), x + stride * np.cos(heading)
        points.append((y, x))
    return points


def _line(image: Picture, points: list[tuple[float, float]], share: float) -> np.ndarray:
    """Return a line of a width that is a share of the shorter side, from 0 to 1, smooth-edged."""
    height, width = image.shape[:2]
    fine = 4  # drawn larger, then averaged
    canvas = Image.new("L", (width * fine, height * fine))
    stroke = max(fine, round(share * min(height, width) * fine))
    ImageDraw.Draw(canvas).line(
        [(x * fine, y * fine) for y, x in points], fill=255, width=stroke, joint="curve"
    )
    return np.asarray(canvas.resize((width, height), Image.Resampling.BOX), dtype=float) / 255.0
