"""Families with a period: gratings, checks, quasi-crystals, dots, bricks, baskets, knits, rings."""

import numpy as np

from procedural.fields import Draw, cloud, grid, smooth, unit, warped


def _period(rng: np.random.Generator, low: float = 5, high: float = 26) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _profile(kind: int, phase: np.ndarray, duty: float) -> np.ndarray:
    """Shape one period: sine, soft square, saw or line; phase in periods."""
    turn = phase % 1.0
    if kind == 0:
        shaped = 0.5 + 0.5 * np.cos(2 * np.pi * phase)
    elif kind == 1:
        shaped = 1 / (1 + np.exp(-12 * (np.cos(2 * np.pi * phase) - np.cos(np.pi * duty))))
    elif kind == 2:
        shaped = turn
    else:
        shaped = np.exp(-(((turn - 0.5) / (0.3 * duty)) ** 2))
    return np.asarray(shaped, np.float32)


def gratings(rng: np.random.Generator) -> Draw:
    """Stripes: period, angle, profile, waviness."""
    period, angle, kind = _period(rng), rng.uniform(0, np.pi), int(rng.integers(4))
    duty, bend = rng.uniform(0.2, 0.8), rng.choice([0.0, 2.0, 10.0, 25.0])

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        x, _ = warped(draw, *grid(side, angle), bend)
        return _profile(kind, x / period + draw.random(), duty)

    return draw_one


def checks(rng: np.random.Generator) -> Draw:
    """Two gratings laid over each other: chequers, plaids, lattices of lines."""
    periods, kind = (_period(rng), _period(rng)), int(rng.choice([0, 1, 3]))
    angle, skew = rng.uniform(0, np.pi / 2), rng.choice([np.pi / 2, np.pi / 2, np.pi / 3])
    how, duty = int(rng.integers(3)), rng.uniform(0.2, 0.7)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        one = _profile(kind, grid(side, angle)[0] / periods[0] + draw.random(), duty)
        two = _profile(kind, grid(side, angle + skew)[0] / periods[1] + draw.random(), duty)
        if how == 0:
            return np.maximum(one, two)
        return unit(one + two) if how == 1 else np.abs(one - two)

    return draw_one


def quasi(rng: np.random.Generator) -> Draw:
    """Sums of plane waves in several directions: hexagons, quasi-crystals."""
    waves, period, power = int(rng.integers(3, 8)), _period(rng, 5, 16), rng.uniform(0.6, 3)
    angle = rng.uniform(0, np.pi)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        total = np.zeros((side, side), np.float32)
        for number in range(waves):
            x, _ = grid(side, angle + number * np.pi / waves)
            total += np.cos(2 * np.pi * (x / period + draw.random()))
        powered: np.ndarray = unit(total) ** power
        return powered

    return draw_one


def dots(rng: np.random.Generator) -> Draw:
    """A lattice of dots, rings or squares: pitch, size, jitter, stagger."""
    pitch, size = _period(rng, 7, 26), rng.uniform(0.2, 0.42)
    angle, stagger = rng.uniform(0, np.pi / 2), rng.choice([0.0, 0.5])
    kind, jitter = int(rng.integers(3)), rng.choice([0.0, 0.0, 0.12, 0.25])

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        x, y = grid(side, angle)
        x, y = x / pitch + draw.random(), y / pitch + draw.random()
        row = np.floor(y).astype(int)
        x = x + stagger * (row % 2)
        column = np.floor(x).astype(int)
        offsets = draw.uniform(-jitter, jitter, (2, 64, 64))
        dx = x - column - 0.5 + offsets[0][row % 64, column % 64]
        dy = y - row - 0.5 + offsets[1][row % 64, column % 64]
        radius = np.maximum(abs(dx), abs(dy)) if kind == 2 else np.hypot(dx, dy)
        inside = abs(radius - size * 0.8) - size * 0.25 if kind == 1 else radius - size
        level: np.ndarray = 1 / (1 + np.exp(np.clip(inside * pitch * 2.5, -30, 30)))
        return level.astype(np.float32)

    return draw_one


def bricks(rng: np.random.Generator) -> Draw:
    """Walls of bricks or tiles: proportions, joints, tints."""
    height, ratio = _period(rng, 7, 30), rng.choice([1.0, 1.6, 2.4, 4.0])
    joint, stagger = rng.uniform(0.6, 2.5), rng.choice([0.0, 0.33, 0.5])
    tint, angle = rng.uniform(0, 0.6), rng.choice([0, 0, np.pi / 4, np.pi / 2])

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        x, y = grid(side, angle)
        y = y / height + draw.random()
        row = np.floor(y).astype(int)
        x = x / (height * ratio) + draw.random() + stagger * (row % 3)
        column = np.floor(x).astype(int)
        edge = np.minimum(
            np.minimum(x - column, column + 1 - x) * height * ratio,
            np.minimum(y - row, row + 1 - y) * height,
        )
        tints = draw.uniform(0, 1, (64, 64))[row % 64, column % 64]
        body = np.clip((edge - joint) / 1.2 + 0.5, 0, 1)
        level: np.ndarray = body * (1 - tint * tints)
        return level.astype(np.float32)

    return draw_one


def baskets(rng: np.random.Generator) -> Draw:
    """Bands that pass over and under each other: plain and basket bindings."""
    pitch, group = _period(rng, 6, 16), int(rng.integers(1, 4))
    gap, angle, depth = rng.uniform(0.7, 1.0), rng.uniform(0, np.pi / 2), rng.uniform(0.2, 0.7)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        x, y = grid(side, angle)
        x, y = x / pitch + draw.random(), y / pitch + draw.random()
        over = (np.floor(x / group) + np.floor(y / group)) % 2
        along = np.sin(np.pi * (x / group % 1)), np.sin(np.pi * (y / group % 1))
        thread = np.sin(np.pi * (x % 1)), np.sin(np.pi * (y % 1))
        one = np.clip(thread[1] * gap, 0, 1) ** 0.6 * (1 - depth + depth * along[0])
        two = np.clip(thread[0] * gap, 0, 1) ** 0.6 * (1 - depth + depth * along[1])
        woven = np.where(over > 0, one, two * 0.85)
        return smooth(np.asarray(woven, np.float32), 0.5)

    return draw_one


def knits(rng: np.random.Generator) -> Draw:
    """Columns of loops or zigzags: pitch, slope, profile."""
    pitch, slope = _period(rng, 7, 20), rng.uniform(0.4, 1.6)
    rows, angle, kind = _period(rng, 4, 12), rng.choice([0, np.pi / 2]), int(rng.choice([0, 1, 3]))
    duty = rng.uniform(0.3, 0.7)

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        x, y = warped(draw, *grid(side, angle), rng.choice([0, 3]))
        turn = (x / pitch + draw.random()) % 1
        lift = slope * pitch * np.abs(turn - 0.5)
        body = _profile(kind, (y + lift) / rows + draw.random(), duty)
        return body * np.sin(np.pi * (turn * 2 % 1)).astype(np.float32) ** 0.4

    return draw_one


def rings(rng: np.random.Generator) -> Draw:
    """Rings about a far or near centre, bent: wood, turned faces, ripples, spirals."""
    period, kind, duty = _period(rng, 5, 18), int(rng.integers(4)), rng.uniform(0.3, 0.7)
    bend, reach = rng.choice([0.0, 6.0, 20.0]), rng.choice([0.3, 1.5, 4.0])
    flat, arms = rng.choice([1.0, 1.0, 4.0]), int(rng.choice([0, 0, 1, 3]))

    def draw_one(draw: np.random.Generator, side: int) -> np.ndarray:
        x, y = warped(draw, *grid(side, draw.uniform(0, np.pi)), bend)
        angle = draw.uniform(0, 2 * np.pi)
        dx = x - x.mean() - reach * side * np.cos(angle)
        dy = (y - y.mean() - reach * side * np.sin(angle)) / flat
        turns = arms * np.arctan2(dy, dx) / (2 * np.pi)
        body = _profile(kind, np.hypot(dx, dy) / period + turns, duty)
        return unit(body + 0.25 * cloud(draw, side))

    return draw_one


LATTICES = (gratings, checks, quasi, dots, bricks, baskets, knits, rings)
