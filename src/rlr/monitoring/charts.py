"""Charts of the report as inline SVG, in the page's colours by day and by night."""

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup

WIDTH, HEIGHT = 380, 190
LEFT, RIGHT, TOP, BOTTOM = 48, 26, 12, 34
BINS = 32
LEAST_P = 1e-6  # below it p values stand on the axis
COLOURS = 8  # --s1 to --s8 in the page's stylesheet


def style(place: int) -> str:
    """Return the colour of the n-th line."""
    return f"var(--s{place % COLOURS + 1})"


def window_chart(
    title: str,
    lines: Sequence[tuple[str, Sequence[float | None]]],
    limit: float,
    logarithmic: bool,
) -> Markup:
    """Draw values of windows, one line a name, with a limit across.

    Args:
        title: What the chart shows, for those who cannot see it.
        lines: Name and values, one a window; None where there is none.
        limit: Where the dashed line stands.
        logarithmic: Whether values are p values, and the axis one of powers of ten.
    """
    values = [value for _, line in lines for value in line if value is not None]
    top = 1.0 if logarithmic else max([limit, *values]) * 1.15 or 1.0
    count = max((len(line) for _, line in lines), default=1)

    def across(place: int) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / count

    def up(value: float) -> float:
        share = value / top
        if logarithmic:
            share = 1.0 - math.log10(max(value, LEAST_P)) / math.log10(LEAST_P)
        return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share)

    ticks = [10.0**-power for power in range(0, 7, 2)] if logarithmic else _thirds(top)
    parts = [_rule(up(tick), _tick(tick, logarithmic)) for tick in ticks]
    every = max(1, math.ceil(count / 12))
    parts += [
        _text(across(place), HEIGHT - BOTTOM + 16, str(place + 1), "middle")
        for place in range(0, count, every)
    ]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, "window", "middle"))
    parts.append(
        Markup(
            '<path d="M{} {:.1f}H{}" fill="none" stroke="var(--bad)" stroke-dasharray="5 4"/>'
        ).format(LEFT, up(limit), WIDTH - RIGHT)
    )
    for number, (name, line) in enumerate(lines):
        places = [(across(at), up(value)) for at, value in enumerate(line) if value is not None]
        parts.append(_polyline(places, style(number)))
        parts += [_dot(x, y, 3.2, style(number), name) for x, y in places]
    return _svg(title, parts)


def density_chart(
    title: str,
    old: tuple[np.ndarray, np.ndarray],
    new: np.ndarray,
    limit: float | None = None,
    logarithmic: bool = False,
) -> Markup:
    """Draw the distribution of new values as bars, and that of the reference as a line.

    Args:
        title: What the chart shows, for those who cannot see it.
        old: Values of the reference (m,), and their weights (m,).
        new: New values (n,).
        limit: A threshold, or None.
        logarithmic: Whether the axis is one of powers of ten; values are above zero then.
    """
    values, weights = old
    if logarithmic:
        floor = 1e-12
        values, new = np.log10(np.maximum(values, floor)), np.log10(np.maximum(new, floor))
    edges = np.histogram_bin_edges(_clipped(np.concatenate([values, new]), limit), BINS)
    low, high = float(edges[0]), float(edges[-1])
    heights = [
        np.histogram(np.clip(values, low, high), edges, weights=weights)[0],
        np.histogram(np.clip(new, low, high), edges)[0],
    ]
    shares = [counts / (counts.sum() or 1.0) for counts in heights]
    top = float(max(share.max() for share in shares)) * 1.1 or 1.0

    def across(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / ((high - low) or 1.0)

    def up(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - share / top)

    step = (WIDTH - LEFT - RIGHT) / BINS
    bars = "".join(
        f"M{across(left) + 0.5:.1f} {up(0):.1f}V{up(share):.1f}h{step - 1:.1f}V{up(0):.1f}z"
        for left, share in zip(edges[:-1], shares[1], strict=True)
        if share
    )
    outline = f"M{LEFT} {up(0):.1f}" + "".join(
        f"V{up(share):.1f}H{across(right):.1f}"
        for share, right in zip(shares[0], edges[1:], strict=True)
    )
    parts = [
        Markup('<path d="{}" fill="var(--s2)" opacity="0.55"/>').format(bars),
        Markup('<path d="{}V{:.1f}" fill="none" stroke="var(--s1)" stroke-width="1.6"/>').format(
            outline, up(0)
        ),
        Markup('<path d="M{} {:.1f}H{}" stroke="var(--rule)"/>').format(LEFT, up(0), WIDTH - RIGHT),
    ]
    for value in np.linspace(low, high, 5):
        label = f"{10.0**value if logarithmic else value:.2g}"
        parts.append(_text(across(float(value)), HEIGHT - BOTTOM + 16, label, "middle"))
    if limit is not None and low <= limit <= high:
        parts.append(
            Markup(
                '<path d="M{0:.1f} {1}V{2:.1f}" stroke="var(--bad)" stroke-dasharray="5 4">'
                "<title>Threshold {3:.4g}</title></path>"
            ).format(across(limit), TOP, up(0), limit)
        )
    return _svg(title, parts)


def scatter_chart(
    title: str, old: np.ndarray, new: np.ndarray, marked: np.ndarray, names: tuple[str, str]
) -> Markup:
    """Draw points of the reference and new ones on top.

    Args:
        title: What the chart shows, for those who cannot see it.
        old: (m, 2).
        new: (n, 2).
        marked: Whether a new point has a ring (n,), bool.
        names: Names of the axes.
    """
    everything = np.concatenate([old, new])
    low, high = np.quantile(everything, [0.002, 0.998], axis=0)
    span = np.where(high > low, high - low, 1.0)
    low, span = low - 0.06 * span, 1.12 * span
    height = HEIGHT * 1.6

    def places(points: np.ndarray) -> np.ndarray:
        shares = np.clip((points - low) / span, 0.0, 1.0)
        x = LEFT + (WIDTH - LEFT - RIGHT) * shares[:, 0]
        y = TOP + (height - TOP - BOTTOM) * (1.0 - shares[:, 1])
        return np.stack([x, y], axis=1)

    parts = [
        Markup('<path d="M{0} {1}V{2:.1f}H{3}" fill="none" stroke="var(--rule)"/>').format(
            LEFT, TOP, height - BOTTOM, WIDTH - RIGHT
        ),
        _dots(places(old), 2.0, "var(--s1)", 0.4),
        _dots(places(new), 2.6, "var(--s2)", 0.85),
    ]
    parts += [
        Markup('<circle cx="{:.1f}" cy="{:.1f}" r="5.5" fill="none" stroke="var(--ink)"/>').format(
            x, y
        )
        for x, y in places(new[marked])
    ]
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, height - 10, names[0], "middle"))
    parts.append(
        Markup(
            '<text transform="translate(20 {:.1f}) rotate(-90)" text-anchor="middle" '
            'font-size="11" fill="var(--soft)">{}</text>'
        ).format((TOP + height - BOTTOM) / 2, names[1])
    )
    return _svg(title, parts, height)


def _clipped(values: np.ndarray, limit: float | None) -> np.ndarray:
    """Leave the far tail to the last bar, but keep the threshold in sight."""
    high = float(np.quantile(values, 0.99))
    high = max(high, limit * 1.1) if limit is not None else high
    return np.append(np.minimum(values, high), high)


def _thirds(top: float) -> list[float]:
    return [top * place / 3 for place in range(4)]


def _tick(value: float, logarithmic: bool) -> str:
    if not logarithmic:
        return f"{value:.0%}"
    return "1" if value == 1.0 else f"1e{round(math.log10(value))}"


def _rule(y: float, label: str) -> Markup:
    return Markup('<path d="M{} {:.1f}H{}" stroke="var(--hair)"/>{}').format(
        LEFT, y, WIDTH - RIGHT, _text(LEFT - 6, y + 4, label, "end")
    )


def _text(x: float, y: float, words: str, anchor: str) -> Markup:
    return Markup(
        '<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="11" fill="var(--soft)">{}</text>'
    ).format(x, y, anchor, words)


def _polyline(places: Sequence[tuple[float, float]], colour: str) -> Markup:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup('<polyline points="{}" fill="none" stroke="{}" stroke-width="1.6"/>').format(
        points, colour
    )


def _dot(x: float, y: float, radius: float, colour: str, words: str) -> Markup:
    return Markup(
        '<circle cx="{:.1f}" cy="{:.1f}" r="{}" fill="{}"><title>{}</title></circle>'
    ).format(x, y, radius, colour, words)


def _dots(places: np.ndarray, radius: float, colour: str, opacity: float) -> Markup:
    path = "".join(
        f"M{x - radius:.1f} {y:.1f}a{radius} {radius} 0 1 0 {2 * radius} 0"
        f"a{radius} {radius} 0 1 0 {-2 * radius} 0"
        for x, y in places
    )
    return Markup('<path d="{}" fill="{}" opacity="{}"/>').format(path, colour, opacity)


def _svg(title: str, parts: Sequence[Markup], height: float = HEIGHT) -> Markup:
    return Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, Markup().join(parts)
    )
