"""Charts as inline SVG: small, sharp in print, and in the page's colours by day and by night."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from rlr.evaluation.metrics import Curve
from rlr.evaluation.report.words import score

COLOURS = 8  # --s1 to --s8 in the page's stylesheet
DASHES = ("none", "5 3", "2 2", "8 3 2 3")
WIDTH, HEIGHT = 380, 300
LEFT, RIGHT, TOP, BOTTOM = 42, 10, 10, 40
BINS = 28
HISTOGRAM_HEIGHT = 150


@dataclass(frozen=True)
class Series:
    """One line of a chart.

    Attributes:
        label: What the legend says.
        value: The figure beside it.
        curve: The line, or None where it is undefined.
        style: CSS class: `s0` to `s31` for classes, `pooled`, `yardstick`.
    """

    label: str
    value: str
    curve: Curve | None
    style: str


def class_style(place: int) -> str:
    """Return the style of the n-th class: eight colours, then again with other dashes."""
    return f"s{place % (COLOURS * len(DASHES))}"


def line_style() -> str:
    """Return the CSS of all line styles."""
    return "\n".join(
        f".chart .s{place} {{ stroke: var(--s{place % COLOURS + 1}); "
        f"stroke-dasharray: {DASHES[place // COLOURS]}; }}"
        for place in range(COLOURS * len(DASHES))
    )


def line_chart(
    title: str,
    axes: tuple[str, str],
    series: Sequence[Series],
    greatest_x: float = 1.0,
    diagonal: bool = False,
) -> Markup:
    """Draw curves in a frame whose y axis is a share of 1.

    Args:
        title: What the chart shows, for those who cannot see it.
        axes: Names of x and y.
        series: The lines; those without a curve are left to the legend.
        greatest_x: End of the x axis.
        diagonal: Whether to draw what guessing gives.
    """
    parts = [_grid(greatest_x)]
    if diagonal:
        parts.append(Markup('<path class="guess" d="{}"/>').format(_path([0, 1], [0, 1], 1.0)))
    for one in series:
        if one.curve is not None:
            path = _path(one.curve.x, one.curve.y, greatest_x)
            line = Markup('<path class="line {}" d="{}"><title>{} {}</title></path>')
            parts.append(line.format(one.style, path, one.label, one.value))
    parts.append(_axis_names(*axes))
    return _svg(title, HEIGHT, parts)


def histogram(
    title: str, normal: np.ndarray, defective: np.ndarray, threshold: float | None
) -> Markup:
    """Draw normal scores upwards and defective ones downwards, with the threshold between.

    Scores beyond the drawn range, which an outlier would stretch, stand in the last bar.

    Args:
        title: What the chart shows, for those who cannot see it.
        normal: Scores of normal images (n,).
        defective: Scores of defective images (m,).
        threshold: Where the decision turns, or None where there is not one threshold for all.
    """
    everything = np.concatenate([normal, defective])
    low, high = _range(everything, threshold)
    edges = np.linspace(low, high, BINS + 1)
    counts = [np.histogram(np.minimum(scores, high), edges)[0] for scores in (normal, defective)]
    tallest = max(int(count.max()) for count in counts) or 1
    middle = HISTOGRAM_HEIGHT / 2
    parts = [
        _bars(count, sign * (middle - 12) / tallest, middle, style)
        for count, sign, style in zip(counts, (-1, 1), ("normal", "defective"), strict=True)
    ]
    parts.append(
        Markup('<path class="axis" d="M0 {0}H{1}"/>').format(_number(middle), WIDTH),
    )
    if threshold is not None:
        x = _number(WIDTH * (threshold - low) / (high - low))
        mark = Markup('<path class="threshold" d="M{} 0V{}"><title>Threshold {}</title></path>')
        parts.append(mark.format(x, HISTOGRAM_HEIGHT, score(threshold)))
    beyond = "\u2265 " if everything.max() > high else ""
    ends = Markup('<text x="0" y="{0}">{1}</text><text x="{2}" y="{0}" class="end">{3}</text>')
    parts.append(ends.format(HISTOGRAM_HEIGHT + 14, score(low), WIDTH, beyond + score(high)))
    return _svg(title, HISTOGRAM_HEIGHT + 18, parts)


def _range(scores: np.ndarray, threshold: float | None) -> tuple[float, float]:
    low, high = float(scores.min()), float(scores.max())
    if threshold is not None:
        # Most scores stay to be seen where a few are far away.
        typical = max(float(np.quantile(scores, 0.9)), threshold + 3 * (threshold - low))
        low, high = min(low, threshold), max(min(high, typical), threshold)
    margin = 0.02 * (high - low) or max(abs(high), 1.0) * 0.02
    return low - margin, high + margin


def _bars(counts: np.ndarray, unit: float, middle: float, style: str) -> Markup:
    width = WIDTH / len(counts)
    path = "".join(
        f"M{_number(place * width + 0.5)} {_number(middle)}v{_number(unit * count)}"
        f"h{_number(width - 1)}V{_number(middle)}z"
        for place, count in enumerate(counts)
        if count
    )
    return Markup('<path class="bar {}" d="{}"/>').format(style, path)


def _grid(greatest_x: float) -> Markup:
    lines, labels = [], []
    for x in _ticks(greatest_x):
        across = _number(_place(x, 0.0, greatest_x)[0])
        lines.append(f"M{across} {TOP}V{HEIGHT - BOTTOM}")
        text = Markup('<text x="{}" y="{}" class="middle">{:g}</text>')
        labels.append(text.format(across, HEIGHT - BOTTOM + 15, x))
    for y in _ticks(1.0):
        up = _place(0.0, y, greatest_x)[1]
        lines.append(f"M{LEFT} {_number(up)}H{WIDTH - RIGHT}")
        text = Markup('<text x="{}" y="{}" class="end">{:g}</text>')
        labels.append(text.format(LEFT - 6, _number(up + 4), y))
    return Markup('<path class="grid" d="{}"/>{}').format("".join(lines), Markup().join(labels))


def _ticks(end: float) -> list[float]:
    """Divide an axis so that the ticks have few digits."""
    parts = min((5, 4, 3), key=lambda count: len(f"{end / count:.6g}"))
    return [round(end * place / parts, 6) for place in range(parts + 1)]


def _axis_names(x_name: str, y_name: str) -> Markup:
    across, up = (LEFT + WIDTH - RIGHT) / 2, (TOP + HEIGHT - BOTTOM) / 2
    return Markup(
        '<text x="{}" y="{}" class="middle name">{}</text>'
        '<text transform="translate(11 {}) rotate(-90)" class="middle name">{}</text>'
    ).format(_number(across), HEIGHT - 6, x_name, _number(up), y_name)


def _path(xs: Sequence[float] | np.ndarray, ys: Sequence[float] | np.ndarray, end: float) -> str:
    places = [_place(float(x), float(y), end) for x, y in zip(xs, ys, strict=True)]
    return "M" + "L".join(f"{_number(x)} {_number(y)}" for x, y in places)


def _place(x: float, y: float, greatest_x: float) -> tuple[float, float]:
    across, up = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    return LEFT + across * x / greatest_x, TOP + up * (1 - y)


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _svg(title: str, height: float, parts: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>'
    ).format(WIDTH, _number(height), title, Markup().join(parts))
