"""Quality over the processor time of training, as a picture that stands by itself."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from quality.spread import MEAN, Spread, epochs_of, records_at, seconds_of, spread_of
from quality.tables import LEAD, name_of
from rlr.evaluation.metrics import metric_title
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError

Document = dict[str, Any]
WIDTH, HEIGHT, GAP = 300, 250, 24
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 26, 40
LINE = 18  # height of a line of the legend
COLOURS = ("#1d5f8a", "#bb4a1d", "#2f7d6b", "#7b4fa0", "#9a6a00", "#b03a6b", "#4d6b2f", "#56616b")
BRIGHT = ("#7db7de", "#f0936a", "#71c3ae", "#c29be3", "#e0b453", "#ee8bb4", "#a5c97f", "#a5afb8")
STEPS = ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))
ENOUGH = 3  # ticks of the time axis
MARGIN = 1.15  # of the time axis beyond the first and the last point


@dataclass(frozen=True)
class Point:
    """A measured epoch: minutes of training, and the figure over the seeds."""

    minutes: float
    value: Spread


@dataclass(frozen=True)
class Line:
    """One result in one panel; a method without training is level."""

    label: str
    points: list[Point]
    level: Spread | None


@dataclass(frozen=True)
class Frame:
    """A panel's place and axes."""

    left: float
    minutes: tuple[float, float]
    values: tuple[float, float]

    def across(self, minutes: float) -> float:
        low, high = (math.log(end) for end in self.minutes)
        share = (math.log(minutes) - low) / (high - low)
        return self.left + LEFT + share * (WIDTH - LEFT - RIGHT)

    def up(self, value: float) -> float:
        low, high = self.values
        share = (min(max(value, low), high) - low) / (high - low)
        return TOP + (1 - share) * (HEIGHT - TOP - BOTTOM)


def write_curve(documents: Sequence[Document], path: Path) -> None:
    """Draw mean image AUROC, pixel AUROC and AUPRO of results over their training time.

    Raises:
        UserError: The file is no .svg, or nothing with a training was measured.
    """
    if path.suffix != ".svg":
        raise UserError(f"{path}: the curve is an SVG picture; name a file that ends in .svg.")
    picture = draw(documents)
    with atomic_file(path) as temporary:
        temporary.write_text(picture + "\n", encoding="utf-8")


def draw(documents: Sequence[Document]) -> str:
    """Return the picture."""
    measured = [document for document in documents if document["records"]]
    panels = [[_line(document, metric) for document in measured] for metric in LEAD]
    times = [point.minutes for line in panels[0] for point in line.points]
    if not times:
        raise UserError("No training is measured in these files yet, so there is no curve.")
    ends = min(times) / MARGIN, max(times) * MARGIN
    parts = [
        _panel(Frame(place * (WIDTH + GAP), ends, _range(lines)), metric_title(metric), lines)
        for place, (metric, lines) in enumerate(zip(LEAD, panels, strict=True))
    ]
    width = len(LEAD) * (WIDTH + GAP) - GAP
    height = HEIGHT + LINE * len(measured) + 6
    return Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {0} {1}" width="{0}" height="{1}" '
        'role="img" aria-label="Quality over CPU time of training">{2}{3}{4}</svg>'
    ).format(width, height, _style(), Markup().join(parts), _legend(panels[0]))


def _line(document: Document, metric: str) -> Line:
    points, level = [], None
    for epoch in epochs_of(document):
        records = records_at(document, epoch)
        value, spent = spread_of(records, MEAN, metric), seconds_of(records, "training")
        if value is None or spent is None:
            continue
        if spent.mean:
            points.append(Point(spent.mean / 60, value))
        else:
            level = value
    return Line(name_of(document), points, level)


def _range(lines: Sequence[Line]) -> tuple[float, float]:
    """Return the ends of the axis: tenths around all that is drawn."""
    values = [point.value for line in lines for point in line.points]
    values += [line.level for line in lines if line.level is not None]
    if not values:
        return 0.0, 1.0
    least = min(value.mean - (value.deviation or 0.0) for value in values)
    greatest = max(value.mean + (value.deviation or 0.0) for value in values)
    low = max(math.floor(least * 20) / 20, 0.0)
    return low, max(min(math.ceil(greatest * 20) / 20, 1.0), low + 0.05)


def _panel(frame: Frame, title: str, lines: Sequence[Line]) -> Markup:
    parts = [_grid(frame)]
    parts += [_draw_line(frame, line, place) for place, line in enumerate(lines)]
    middle = frame.left + (LEFT + WIDTH - RIGHT) / 2
    names = Markup(
        '<text x="{0}" y="16" class="middle title">{1}, mean of classes</text>'
        '<text x="{0}" y="{2}" class="middle">CPU minutes of training</text>'
    )
    return Markup().join([*parts, names.format(_n(middle), title, HEIGHT - 6)])


def _grid(frame: Frame) -> Markup:
    lines, labels = [], []
    for minutes in _ticks(*frame.minutes):
        x = _n(frame.across(minutes))
        lines.append(f"M{x} {TOP}V{HEIGHT - BOTTOM}")
        text = Markup('<text x="{}" y="{}" class="middle">{:g}</text>')
        labels.append(text.format(x, HEIGHT - BOTTOM + 15, minutes))
    low, high = frame.values
    step = 0.05 if high - low <= 0.31 else 0.1
    for place in range(round((high - low) / step) + 1):
        y = frame.up(low + place * step)
        lines.append(f"M{_n(frame.left + LEFT)} {_n(y)}H{_n(frame.left + WIDTH - RIGHT)}")
        text = Markup('<text x="{}" y="{}" class="end">{:.2f}</text>')
        labels.append(text.format(_n(frame.left + LEFT - 5), _n(y + 4), low + place * step))
    return Markup('<path class="grid" d="{}"/>{}').format("".join(lines), Markup().join(labels))


def _ticks(low: float, high: float) -> list[float]:
    """Return round times between two times; where there are none, the ends."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for steps in STEPS:
        found = [step * 10.0**power for power in powers for step in steps]
        inside = [minutes for minutes in found if low <= minutes <= high]
        if len(inside) >= ENOUGH:
            break
    return inside or [float(f"{low:.2g}"), float(f"{high:.2g}")]


def _draw_line(frame: Frame, line: Line, place: int) -> Markup:
    style = f"c{place % len(COLOURS)}"
    if line.level is not None:
        start, end = frame.left + LEFT, frame.left + WIDTH - RIGHT
        path = f"M{_n(start)} {_n(frame.up(line.level.mean))}H{_n(end)}"
        told = Markup('<path class="level {}" d="{}"><title>{} {}</title></path>')
        return told.format(style, path, line.label, line.level.told())
    places = [(frame.across(point.minutes), frame.up(point.value.mean)) for point in line.points]
    if not places:
        return Markup()
    path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in places)
    dots = [
        Markup('<circle class="{}" cx="{}" cy="{}" r="3"><title>{} {}</title></circle>').format(
            style, _n(x), _n(y), line.label, point.value.told()
        )
        for (x, y), point in zip(places, line.points, strict=True)
    ]
    whiskers = "".join(_whisker(frame, point) for point in line.points)
    return Markup('<path class="line {0}" d="{1}{2}"/>{3}').format(
        style, path, whiskers, Markup().join(dots)
    )


def _whisker(frame: Frame, point: Point) -> str:
    if point.value.deviation is None:
        return ""
    ends = (frame.up(point.value.mean + sign * point.value.deviation) for sign in (1, -1))
    top, bottom = (_n(end) for end in ends)
    return f"M{_n(frame.across(point.minutes))} {top}V{bottom}"


def _legend(lines: Sequence[Line]) -> Markup:
    parts = []
    for place, line in enumerate(lines):
        y = HEIGHT + LINE * place + 10
        kind = "line" if line.level is None else "level"
        mark = Markup('<path class="{} c{}" d="M{} {}h24"/><text x="{}" y="{}">{}</text>')
        colour = place % len(COLOURS)
        label = line.label.replace("`", "")
        parts.append(mark.format(kind, colour, LEFT, y - 4, LEFT + 32, y, label))
    return Markup().join(parts)


def _style() -> Markup:
    plain = "".join(f".c{n}{{stroke:{c};--c:{c}}}" for n, c in enumerate(COLOURS))
    bright = "".join(f".c{n}{{stroke:{c};--c:{c}}}" for n, c in enumerate(BRIGHT))
    return Markup(  # noqa: S704 - constants of this file
        "<style>text{font:12px system-ui,sans-serif;fill:#59636d}.title{font-weight:600;"
        "fill:#1c2227}.middle{text-anchor:middle}.end{text-anchor:end}.grid{stroke:#dfe3e6;"
        "fill:none}.line{fill:none;stroke-width:2}.level{fill:none;stroke-width:2;"
        f"stroke-dasharray:6 4}}circle{{fill:var(--c)}}{plain}"
        "@media(prefers-color-scheme:dark){text{fill:#a5afb8}.title{fill:#e6e9eb}"
        f".grid{{stroke:#323a42}}{bright}}}</style>"
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
