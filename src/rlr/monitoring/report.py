"""The page of a comparison: verdict, windows, distributions, features, atypical images."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from PIL import Image

from rlr.data.images import read_rgb
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.foundation.page import Notice, page_environment, render_page
from rlr.monitoring.charts import density_chart, scatter_chart, style, window_chart
from rlr.monitoring.observe import UNKNOWN, Observations
from rlr.monitoring.result import DriftResult, Measure
from rlr.monitoring.run import Monitored, cut
from rlr.monitoring.samples import Baseline

PICTURE_SIDE = 176  # pixels of the longer side
CLASSES_SHOWN = 12  # classes whose scores are drawn, those with most new images
MEASURES: tuple[tuple[Measure, str], ...] = (
    ("score", "scores below the threshold"),
    ("brightness", "brightness"),
    ("sharpness", "sharpness"),
    ("features", "features"),
    ("defects", "share above the threshold"),
)
VERDICTS = {
    "quiet": ("quiet", "pass"),
    "more_defects": ("more defects", "warn"),
    "normal_shifted": ("normal shifted", "fail"),
    "too_few_images": ("too few images", "warn"),
}


@dataclass(frozen=True)
class Figure:
    """A chart and what stands below it."""

    chart: Markup
    caption: str


@dataclass(frozen=True)
class Example:
    """An atypical image."""

    picture: str
    path: str
    words: str


def write_report(path: Path, found: Monitored, white_level: int) -> None:
    """Write the page.

    Args:
        path: HTML file to write.
        found: What was found, and what it was made from.
        white_level: Value of white in 16-bit images.
    """
    result = found.result
    recent = _recent(found)
    strange = _atypical(recent, found.baseline) if len(recent) else np.zeros(0, dtype=np.int64)
    strange = strange[: result.settings.examples]
    body = (
        page_environment("rlr.monitoring")
        .get_template("page.html")
        .render(
            result=result,
            verdict=VERDICTS[result.kind],
            verdicts=VERDICTS,
            measures=dict(MEASURES),
            legend=[(words, style(place)) for place, (_, words) in enumerate(MEASURES)],
            timeline=_timeline(result) if result.windows else [],
            scores=list(_score_charts(recent, found.baseline)),
            light=list(_light_charts(recent, found.baseline)),
            features=_feature_chart(recent, found.baseline, strange),
            examples=list(_examples(recent.at(strange), found.baseline, white_level)),
            recent=len(recent),
        )
    )
    tone = {"normal_shifted": "critical", "more_defects": "warning"}.get(result.kind)
    notices = [Notice(result.reason, "critical" if tone == "critical" else "warning")]
    page = render_page(
        "Drift",
        body,
        eyebrow="RLR Ops",
        lead="" if tone else result.reason,
        notices=notices if tone else [],
    )
    with atomic_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _recent(found: Monitored) -> Observations:
    """Return the images of the windows that had a vote."""
    settings = found.result.settings
    parts = cut(len(found.observed), settings.window, settings.least_images)[-settings.windows :]
    return found.observed.at([place for part in parts for place in part])


def _timeline(result: DriftResult) -> list[Figure]:
    lines: list[tuple[str, list[float | None]]] = []
    for measure, words in MEASURES:
        values = [
            min((test.adjusted for test in window.tests if test.measure == measure), default=None)
            for window in result.windows
        ]
        lines.append((words, values))
    rate = result.settings.false_alarm_rate
    shares: list[float | None] = [window.defect_share for window in result.windows]
    expected = next((w.expected_share for w in result.windows if w.expected_share is not None), 0.0)
    return [
        Figure(
            window_chart("p values of the windows", lines, rate, logarithmic=True),
            f"Least p value of each measure after Holm's correction; dashed: {rate:g}. A window "
            "below it has shifted.",
        ),
        Figure(
            window_chart(
                "share above the threshold", [("share", shares)], expected, logarithmic=False
            ),
            f"Share of images above their threshold; dashed: {expected:.1%}, as for normal images.",
        ),
    ]


def _score_charts(recent: Observations, baseline: Baseline) -> Iterator[Figure]:
    scores = baseline.scores()
    names, counts = np.unique(recent.class_of[recent.class_of != UNKNOWN], return_counts=True)
    for name in sorted(names[np.argsort(-counts)][:CLASSES_SHOWN]):
        old = scores.of(int(name)).values
        new = recent.scores[recent.class_of == name]
        if len(old):
            limit = float(baseline.limit(np.array([name]))[0])
            title = baseline.reference.classes[name]
            chart = density_chart(f"scores of {title}", (old, np.ones(len(old))), new, limit)
            yield Figure(chart, f"{title}: {len(new)} new images, {len(old)} of the reference")


def _light_charts(recent: Observations, baseline: Baseline) -> Iterator[Figure]:
    known = recent.class_of != UNKNOWN
    reference = baseline.reference
    if not known.any():
        return
    weights = _weights(reference.class_of, recent.class_of[known])
    for title, old, new, logarithmic in (
        ("Brightness (mean grey value)", reference.brightness, recent.brightness, False),
        ("Sharpness (variance of the Laplacian)", reference.sharpness, recent.sharpness, True),
    ):
        chart = density_chart(title, (old, weights), new[known], None, logarithmic)
        yield Figure(chart, title)


def _weights(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Weigh the reference so that its classes mix as those of the new images do."""
    names, counts = np.unique(new, return_counts=True)
    weights = np.zeros(len(old))
    for name, count in zip(names, counts, strict=True):
        weights[old == name] = count / max(int((old == name).sum()), 1)
    return weights


def _feature_chart(recent: Observations, baseline: Baseline, strange: np.ndarray) -> Figure | None:
    """Draw the two axes along which the new images are farthest from the reference."""
    known = recent.class_of != UNKNOWN
    old = baseline.reference.coordinates[baseline.reference.held_out]
    if not known.any() or old.shape[1] < 2:
        return None
    new = recent.coordinates
    spread = old.std(axis=0) + 1e-12
    away = np.abs(np.median(new[known], axis=0) - np.median(old, axis=0)) / spread
    axes = np.sort(np.argsort(-away, kind="stable")[:2])
    marked = np.isin(np.arange(len(new)), strange)
    chart = scatter_chart(
        "features of new images and of the reference",
        old[:, axes],
        new[known][:, axes],
        marked[known],
        (f"principal axis {axes[0] + 1}", f"principal axis {axes[1] + 1}"),
    )
    return Figure(
        chart,
        f"Backbone features within each class, on the two of {old.shape[1]} axes where the medians "
        "differ most. Rings: the images shown below.",
    )


def _atypical(recent: Observations, baseline: Baseline) -> np.ndarray:
    """Return places of images, the most atypical first: by features, or by score where greater."""
    ratio = recent.scores / np.maximum(baseline.limit(recent.class_of), 1e-12)
    atypical = np.maximum(baseline.strangeness(recent), ratio)
    places: np.ndarray = np.argsort(-atypical, kind="stable")
    return places


def _examples(strange: Observations, baseline: Baseline, white_level: int) -> Iterator[Example]:
    limits = baseline.limit(strange.class_of)
    for place, image in enumerate(strange.images):
        name = image.class_name or "class unknown"
        if strange.class_of[place] == UNKNOWN:
            words = f"{name}: the model does not know this class"
        else:
            nearest = baseline.reference.classes[strange.class_of[place]]
            near = "" if image.class_name else f", most like {nearest}"
            ratio = strange.scores[place] / max(float(limits[place]), 1e-12)
            words = (
                f"{name}{near}; score {ratio:.2f} times the threshold, brightness "
                f"{strange.brightness[place]:.2f}, sharpness {strange.sharpness[place]:.2g}"
            )
        try:
            pixels = read_rgb(image.file, white_level)
        except UserError:  # it is gone since
            continue
        yield Example(_data_uri(pixels), image.path, words)


def _data_uri(pixels: np.ndarray) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=84)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
