"""Differences with their intervals, drawn one below the other as inline SVG."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from rlr.gate.result import Compared, Interval

WIDTH = 600
NAMES, FIGURES = 132, 168  # pixels for the names on the left, and for the figures on the right
ROW, HEAD, FOOT = 26, 24, 26
LONGEST_NAME = 19  # characters that fit in NAMES
TICKS = 4  # about so many
LEAST_SPAN = 0.01


@dataclass(frozen=True)
class Entry:
    """One difference.

    Attributes:
        name: Whose it is.
        compared: The difference, or why there is none.
        margin: What it is held against; None: nothing.
        total: Whether it stands for all the others.
    """

    name: str
    compared: Compared
    margin: float | None
    total: bool = False

    @property
    def style(self) -> str:
        """Where the interval lies: `better`, `worse`, `flagged` or `level`."""
        interval = self.compared.difference
        if interval is None or self.compared.flag:
            return "flagged"
        if self.margin is not None and interval.upper < min(self.margin, -abs(self.margin)):
            return "worse"
        return "better" if interval.lower > max(self.margin or 0.0, 0.0) else "level"

    @property
    def figures(self) -> str:
        """The figures beside the line."""
        interval = self.compared.difference
        if interval is None:
            return "-"
        return f"{signed(interval.estimate)} [{signed(interval.lower)}, {signed(interval.upper)}]"


def signed(value: float, places: int = 3) -> str:
    """Return a difference with its sign.

    Example:
        >>> signed(0.0123), signed(-0.5), signed(0.0)
        ('+0.012', '\u22120.500', '0.000')
    """
    text = f"{abs(value):.{places}f}"
    if float(text) == 0.0:
        return text
    return f"{'+' if value > 0 else chr(0x2212)}{text}"


def forest(title: str, entries: Sequence[Entry]) -> Markup:
    """Draw differences with their intervals, zero, and the margin of each.

    Args:
        title: What the chart shows, for those who cannot see it.
        entries: The differences, at least one, from top to bottom.
    """
    scale = _Scale.of(entries)
    height = HEAD + ROW * len(entries) + FOOT
    bottom = HEAD + ROW * len(entries)
    parts = [
        _axis(scale, bottom),
        *(_row(entry, scale, HEAD + ROW * place) for place, entry in enumerate(entries)),
    ]
    return Markup(
        '<svg class="forest" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, height, title, Markup().join(parts))


@dataclass(frozen=True)
class _Scale:
    """From differences to places on the page."""

    low: float
    high: float

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> "_Scale":
        values = [0.0, *(entry.margin for entry in entries if entry.margin is not None)]
        for entry in entries:
            interval = entry.compared.difference
            if interval is not None:
                values += [interval.lower, interval.upper, interval.estimate]
        low, high = _possible(min(values)), _possible(max(values))
        span = max(high - low, LEAST_SPAN)
        spare = (span - (high - low)) / 2 + 0.05 * span
        return cls(low - spare, high + spare)

    def place(self, value: float) -> float:
        share = (_possible(value) - self.low) / (self.high - self.low)
        return NAMES + (WIDTH - NAMES - FIGURES) * share

    def ticks(self) -> list[float]:
        """Return round differences, zero among them."""
        raw = (self.high - self.low) / TICKS
        power = 10.0 ** math.floor(math.log10(raw))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw)
        first = math.ceil(self.low / step)
        return [step * n for n in range(first, math.floor(self.high / step) + 1)]


def _possible(difference: float) -> float:
    """Return a difference of two shares that can be; wide intervals of few images go beyond."""
    return min(max(difference, -1.0), 1.0)


def _axis(scale: _Scale, bottom: float) -> Markup:
    lines = "".join(f"M{_number(scale.place(x))} {HEAD - 6}V{bottom + 4}" for x in scale.ticks())
    labels = Markup().join(
        Markup('<text x="{}" y="{}" class="middle">{}</text>').format(
            _number(scale.place(x)), bottom + 18, _tick(x)
        )
        for x in scale.ticks()
    )
    zero = _number(scale.place(0.0))
    return Markup(
        '<text x="{0}" y="12" class="end side">champion better</text>'
        '<text x="{1}" y="12" class="side">candidate better</text>'
        '<path class="grid" d="{2}"/><path class="zero" d="M{3} {4}V{5}"/>{6}'
    ).format(
        _number(scale.place(0.0) - 8),
        _number(scale.place(0.0) + 8),
        lines,
        zero,
        HEAD - 6,
        bottom + 4,
        labels,
    )


def _row(entry: Entry, scale: _Scale, top: float) -> Markup:
    middle = top + ROW / 2
    name = entry.name
    shown = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}\u2026"
    parts = [
        Markup('<text x="0" y="{}" class="name">{}<title>{}</title></text>').format(
            _number(middle + 4), shown, name
        ),
        Markup('<text x="{}" y="{}" class="end">{}</text>').format(
            WIDTH, _number(middle + 4), entry.figures
        ),
    ]
    if entry.margin is not None:
        x = _number(scale.place(entry.margin))
        mark = Markup('<path class="margin" d="M{} {}v{}"><title>Margin {}</title></path>')
        parts.append(mark.format(x, _number(top), ROW, signed(entry.margin)))
    if entry.compared.difference is not None:
        parts.append(_interval(entry, entry.compared.difference, scale, middle))
    style = f"row {entry.style}{' total' if entry.total else ''}"
    return Markup('<g class="{}">{}</g>').format(style, Markup().join(parts))


def _interval(entry: Entry, interval: Interval, scale: _Scale, middle: float) -> Markup:
    low, high = scale.place(interval.lower), scale.place(interval.upper)
    y = _number(middle)
    whiskers = "".join(f"M{_number(x)} {_number(middle - 4)}v8" for x in (low, high))
    path = f"M{_number(low)} {y}H{_number(high)}{whiskers}"
    words = f"{entry.name}: {entry.figures}{_note(entry.compared.flag)}"
    return Markup(
        '<path class="interval" d="{}"/><circle class="estimate" cx="{}" cy="{}" r="{}">'
        "<title>{}</title></circle>"
    ).format(path, _number(scale.place(interval.estimate)), y, 5 if entry.total else 4, words)


def _note(flag: str) -> str:
    return f" ({flag})" if flag else ""


def _tick(value: float) -> str:
    places = max(0, -math.floor(math.log10(abs(value)))) if value else 0
    return signed(value, min(places + 1, 4)).rstrip("0").rstrip(".") if value else "0"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def flags(entries: Iterable[Entry]) -> list[str]:
    """Return what has to be known of the intervals, a sentence each."""
    return [f"{entry.name}: {entry.compared.flag}" for entry in entries if entry.compared.flag]
