"""The page of a validation: verdict, expectations, offending images, counts and histograms."""

import base64
import io
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from rlr.config.validation import ValidationConfig
from rlr.data.images import read_rgb
from rlr.data.manifest import Manifest
from rlr.data.masks import read_mask
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.foundation.page import Notice, page_environment, render_page
from rlr.validation.charts import Histogram, histogram
from rlr.validation.tables import Tables
from rlr.validation.verdict import Offender, Outcome, Verdict

PICTURE_SIDE = 160  # pixels of the longer side
TWINS = {
    "duplicate_across_splits": ("same_bytes_as", "same_pixels_as"),
    "group_across_splits": ("same_part_as",),
    "near_duplicate_across_splits": ("nearly_same_as",),
}


@dataclass(frozen=True)
class Exhibit:
    """An offending image beside what it is held against: its twin, or its mask."""

    offender: Offender
    pictures: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """An expectation that failed, and what shows it."""

    outcome: Outcome
    exhibits: tuple[Exhibit, ...]


def write_page(
    path: Path,
    manifest: Manifest,
    config: ValidationConfig,
    verdict: Verdict,
    tables: Tables,
    white_level: int,
    unjudged: str = "",
) -> None:
    """Write the page.

    Args:
        path: HTML file to write.
        manifest: What was judged.
        config: What it was held against.
        verdict: What came out.
        tables: What was judged.
        white_level: Value of white in 16-bit images.
        unjudged: A sentence about the images that nobody has judged, or "".
    """
    failed = [*verdict.failures, *verdict.warnings]
    template = page_environment("rlr.validation").get_template("page.html")
    body = template.render(
        verdict=verdict,
        version=manifest.version,
        count=len(manifest.frame),
        sections=[
            Section(outcome, tuple(_exhibits(outcome, manifest.root, tables, config, white_level)))
            for outcome in failed
        ],
        classes=tables.classes.to_dict(orient="records"),
        histograms=list(_histograms(tables.images, config)),
        max_listed=config.max_listed,
        unjudged=unjudged,
    )
    notices = [] if verdict.passed else [Notice(verdict.sentence(), "critical")]
    lead = verdict.sentence() if verdict.passed else ""
    page = render_page("Data validation", body, eyebrow="RLR Ops", lead=lead, notices=notices)
    with atomic_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _histograms(images: pd.DataFrame, config: ValidationConfig) -> Iterator[Histogram]:
    if images.empty:
        return
    yield histogram("Brightness (mean grey value)", images["brightness"], config.brightness)
    yield histogram(
        "Sharpness (variance of the Laplacian)",
        images["sharpness"],
        [config.min_sharpness] if config.min_sharpness else [],
        logarithmic=True,
    )


def _exhibits(
    outcome: Outcome, root: Path, tables: Tables, config: ValidationConfig, white_level: int
) -> Iterator[Exhibit]:
    """Yield the offenders that are listed, each with its pictures where it is an image."""
    rows = {}
    if outcome.subject == "image" and not tables.images.empty:
        rows = {row["path"]: row for row in tables.images.to_dict(orient="records")}
    for offender in outcome.offenders[: config.max_listed]:
        row = rows.get(offender.name)
        pictures = _pictures(outcome.name, root, row, white_level) if row else ()
        yield Exhibit(offender, tuple(pictures))


def _pictures(
    name: str, root: Path, row: Mapping[Hashable, Any], white_level: int
) -> Iterator[str]:
    """Yield the image, and what it is held against, as data URIs; nothing for the unreadable."""
    twins = [row[column] for column in TWINS.get(name, ()) if isinstance(row[column], str)]
    try:
        for path in [row["path"], *twins[:1]]:
            yield _data_uri(read_rgb(root / path, white_level))
        if name.startswith("mask_") and isinstance(row["mask"], str):
            yield _data_uri(read_mask(root, row["mask"]).astype(np.uint8) * 255)
    except UserError:
        return


def _data_uri(pixels: np.ndarray) -> str:
    image = Image.fromarray(pixels)
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"
