"""Families of things lying about: cells, discs, polygons, fibres, marks like letters, cracks."""

import numpy as np
from PIL import Image, ImageDraw
from scipy.spatial import cKDTree

from procedural.fields import Draw, cloud, grid, smooth, unit, warped


def cells(rng: np.random.Generator) -> Draw:
    """Cells about random points: foam, mosaic, pebbles."""
    count, kind = int(np.exp(rng.uniform(np.log(30), np.log(500)))), int(rng.integers(4))
    order, bend = rng.uniform(0, 1), rng.choice([0.0, 0.0, 6.0])
    stretch = rng.choice([1.0, 1.0, 2.0])

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        width = int(np.ceil(np.sqrt(count)))
        lattice = np.stack(np.meshgrid(*[np.arange(-1, width + 1) + 0.5] * 2), -1).reshape(-1, 2)
        points = (lattice + draw.uniform(-0.5, 0.5, lattice.shape) * order) * side / width
        x, y = warped(draw, *grid(side), bend)
        places = np.stack([x.ravel(), y.ravel() / stretch], -1)
        distance, owner = cKDTree(points).query(places, k=2)
        first, second = distance[:, 0], distance[:, 1]
        if kind == 0:
            field = draw.random(len(points))[owner[:, 0]]
        elif kind == 1:
            field = np.clip((second - first) / 3, 0, 1)
        elif kind == 2:
            field = first / (first.mean() * 2.2)
        else:
            tint = 0.5 + 0.5 * draw.random(len(points))[owner[:, 0]]
            field = np.clip((second - first) / 4, 0, 1) * tint
        return unit(field.reshape(side, side).astype(np.float32))

    return draw_one


def _outline(rng: np.random.Generator, kind: int) -> np.ndarray:
    """Return the corners (n, 2) of a unit shape; few corners with care, many for round ones."""
    if kind == 0:  # ellipse
        turn = np.linspace(0, 2 * np.pi, 20, endpoint=False)
        return np.stack([np.cos(turn), np.sin(turn) * rng.uniform(0.3, 1)], -1)
    if kind == 1:  # polygon
        turn = np.linspace(0, 2 * np.pi, int(rng.integers(3, 7)), endpoint=False)
        return np.stack([np.cos(turn), np.sin(turn)], -1)
    if kind == 2:  # star
        points = int(rng.integers(3, 8)) * 2
        turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
        reach = np.where(np.arange(points) % 2, rng.uniform(0.25, 0.6), 1.0)
        return np.stack([np.cos(turn), np.sin(turn)], -1) * reach[:, None]
    if kind == 3:  # bar
        wide = rng.uniform(0.1, 0.4)
        return np.array([[-1, -wide], [1, -wide], [1, wide], [-1, wide]])
    turn = np.linspace(0, 2 * np.pi, 16, endpoint=False)  # blob
    reach = 0.7 + 0.3 * np.sin(turn * rng.integers(2, 5) + rng.uniform(0, 6))
    return np.stack([np.cos(turn), np.sin(turn)], -1) * reach[:, None]


def shapes(rng: np.random.Generator) -> Draw:
    """Overlapping leaves, chips, flakes, pills of one outline (dead leaves)."""
    outline = _outline(rng, int(rng.integers(5)))
    size, spread = np.exp(rng.uniform(np.log(4), np.log(18))), rng.uniform(0.05, 0.5)
    cover, hollow = rng.uniform(0.3, 3), bool(rng.random() < 0.3)
    turned = bool(rng.random() < 0.6)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        image = Image.new("L", (side, side), int(draw.integers(0, 80)))
        pen = ImageDraw.Draw(image)
        count = min(int(cover * side**2 / (3 * size**2)) + 2, 500)
        places, turns = draw.uniform(0, side, (count, 2)), draw.uniform(0, 2 * np.pi, count)
        sizes, tints = size * np.exp(draw.normal(0, spread, count)), draw.integers(60, 256, count)
        for place, turn, radius, tint in zip(places, turns * turned, sizes, tints, strict=True):
            wheel = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
            corners = [tuple(c) for c in (outline * radius) @ wheel + place]
            if hollow:
                pen.line([*corners, corners[0]], fill=int(tint), width=2)
            else:
                pen.polygon(corners, fill=int(tint), outline=int(tint) // 2)
        return smooth(np.asarray(image, np.float32) / 255, 0.6)

    return draw_one


def fibres(rng: np.random.Generator) -> Draw:
    """Curved threads: length, curl, thickness, common direction."""
    count, length = int(rng.integers(40, 220)), rng.uniform(20, 110)
    curl, spread = rng.uniform(0, 0.5), rng.choice([0.1, 0.5, 3.0])
    heading, width = rng.uniform(0, np.pi), int(rng.integers(1, 4))

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        image = Image.new("L", (side, side), int(draw.integers(0, 90)))
        pen = ImageDraw.Draw(image)
        steps = 10
        turns = heading + draw.normal(0, spread, (count, 1))
        turns = turns + np.cumsum(draw.normal(0, curl, (count, steps)), axis=1)
        moves = np.stack([np.cos(turns), np.sin(turns)], -1) * length / steps
        lines = draw.uniform(-20, side + 20, (count, 1, 2)) + np.cumsum(moves, axis=1)
        for line, tint in zip(lines, draw.integers(90, 256, count), strict=True):
            pen.line([tuple(point) for point in line], fill=int(tint), width=width)
        return smooth(np.asarray(image, np.float32) / 255, 0.6)

    return draw_one


def letters(rng: np.random.Generator) -> Draw:
    """Rows of invented signs made of strokes: an alphabet, a size, a spacing."""
    alphabet = rng.integers(0, 3, (int(rng.integers(3, 12)), int(rng.integers(2, 5)), 2, 2)) / 2
    size, width = rng.uniform(6, 22), int(rng.integers(1, 4))
    line, gap = rng.uniform(1.3, 2.2), rng.uniform(1.1, 1.7)
    angle = rng.choice([0, 0, 90, int(rng.integers(0, 180))])

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        image = Image.new("L", (side, side), int(draw.integers(0, 60)))
        pen = ImageDraw.Draw(image)
        start = draw.uniform(-size, 0, 2)
        for y in np.arange(start[1], side, size * line):
            for x in np.arange(start[0], side, size * gap * 0.7):
                if draw.random() < 0.1:
                    continue
                sign = alphabet[draw.integers(len(alphabet))]
                for stroke in sign * [size * 0.6, size] + [x, y]:
                    pen.line([tuple(point) for point in stroke], fill=230, width=width)
        return smooth(np.asarray(image.rotate(float(angle)), np.float32) / 255, 0.5)

    return draw_one


def cracks(rng: np.random.Generator) -> Draw:
    """Thin branching lines over an uneven ground: how many, how jagged."""
    count, jag = int(rng.integers(2, 14)), rng.uniform(0.15, 0.7)
    step, width, rough = rng.uniform(3, 8), int(rng.integers(1, 4)), rng.uniform(0.6, 1.8)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        image = Image.new("L", (side, side), 0)
        pen = ImageDraw.Draw(image)
        for _ in range(count):
            turns = draw.uniform(0, 2 * np.pi) + np.cumsum(draw.normal(0, jag, 40))
            moves = np.stack([np.cos(turns), np.sin(turns)], -1) * step
            line = draw.uniform(0, side, 2) + np.cumsum(moves, axis=0)
            pen.line([tuple(point) for point in line], fill=255, width=width)
        lines = smooth(np.asarray(image, np.float32) / 255, 0.6)
        return unit(0.6 * cloud(draw, side, rough) - 0.8 * lines)

    return draw_one


SCATTERS = (cells, shapes, shapes, fibres, letters, cracks)
