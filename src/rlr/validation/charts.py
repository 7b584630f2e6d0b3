"""Histograms as inline SVG: geometry here, drawing in the page's template."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

BINS = 40
WIDTH, HEIGHT = 360.0, 110.0  # of the plotting area, in SVG units
LEAST_HEIGHT = 2.0  # one image among thousands is the one to be seen


@dataclass(frozen=True)
class Bar:
    """One bar, in SVG units, and what it says when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Mark:
    """A position on the axis and its label."""

    x: float
    label: str


@dataclass(frozen=True)
class Histogram:
    """A histogram of one measure of all images."""

    title: str
    bars: tuple[Bar, ...]
    ticks: tuple[Mark, ...]
    limits: tuple[Mark, ...]
    width: float = WIDTH
    height: float = HEIGHT


def histogram(
    title: str, values: pd.Series, limits: Sequence[float], logarithmic: bool = False
) -> Histogram:
    """Lay out a histogram whose axis spans the values and the limits.

    Args:
        title: What is counted.
        values: Values; nulls are left out.
        limits: Limits of the expectation, drawn as lines.
        logarithmic: Whether the axis is of powers of ten; then what is not above zero stands at
            the least positive value or limit.
    """
    known = values.dropna().to_numpy(dtype=np.float64)
    edges = np.array([*known, *limits])
    if logarithmic:
        positive = edges[edges > 0]
        floor = positive.min() if positive.size else 1.0
        known, edges = (np.log10(np.maximum(some, floor)) for some in (known, edges))
        limits = [float(np.log10(max(limit, floor))) for limit in limits]
    low, high = (float(edges.min()), float(edges.max())) if edges.size else (0.0, 1.0)
    low, high = (low, high) if high > low else (low - 0.5, high + 0.5)

    def place(value: float) -> float:
        return round(WIDTH * (value - low) / (high - low), 2)

    def say(value: float) -> str:
        return f"{10.0**value if logarithmic else value:.2g}"

    counts, borders = np.histogram(known, BINS, (low, high))
    bars = tuple(
        _bar(
            place(left), place(right), int(count), int(counts.max()), f"{say(left)} to {say(right)}"
        )
        for count, left, right in zip(counts, borders[:-1], borders[1:], strict=True)
        if count
    )
    ticks = tuple(Mark(place(value), say(value)) for value in np.linspace(low, high, 5))
    return Histogram(title, bars, ticks, tuple(Mark(place(limit), say(limit)) for limit in limits))


def _bar(left: float, right: float, count: int, most: int, span: str) -> Bar:
    height = max(round(HEIGHT * count / most, 2), LEAST_HEIGHT)
    words = f"{span}: {count} image{'' if count == 1 else 's'}"
    return Bar(left, round(HEIGHT - height, 2), round(right - left - 0.8, 2), height, words)
