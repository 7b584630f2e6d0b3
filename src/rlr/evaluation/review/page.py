"""The page by which a person judges images; it writes the CSV that `rlr data label` reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path

from markupsafe import Markup

from rlr.data.images import read_rgb
from rlr.evaluation.report.pictures import data_uri, thumbnail
from rlr.evaluation.report.scale import render_scale
from rlr.evaluation.report.words import score
from rlr.evaluation.review.candidates import Candidate
from rlr.foundation.errors import UserError
from rlr.foundation.page import Notice, page_environment, render_page
from rlr.foundation.progress import track

PACKAGE = "rlr.evaluation.review"


@dataclass(frozen=True)
class Card:
    """One image as the page shows it.

    Attributes:
        path: Relative to the root.
        picture: The image as a data URI; "" where it cannot be decoded.
        heatmap: The heat map, or "".
        shape: Width over height.
        rank: Place in its class, or None.
        verdict: Score and threshold in words, or "".
        called: Whether the score is above the threshold.
    """

    path: str
    picture: str
    heatmap: str
    shape: float
    rank: int | None
    verdict: str
    called: bool


def render_review(
    root: Path,
    version: str,
    candidates: Sequence[Candidate],
    defects: Mapping[str, Sequence[str]],
    lead: str,
    white_level: int,
    notices: Sequence[str] = (),
) -> str:
    """Render the page.

    Args:
        root: Folder with the data.
        version: Its data version.
        candidates: The images, in the order in which they are shown.
        defects: Labels of defects that each class has already, offered while typing.
        lead: A sentence below the heading.
        white_level: Value of white in 16-bit images.
        notices: What must be read first.

    Returns:
        A complete HTML page without any reference to the outside.
    """
    cards = [_card(root, each, white_level) for each in track(candidates, "Drawing the page")]
    by_class = [
        (name, [card for _, card in group])
        for name, group in groupby(
            zip(candidates, cards, strict=True), key=lambda pair: pair[0].class_name
        )
    ]
    body = (
        page_environment(PACKAGE)
        .get_template("page.html")
        .render(
            version=version,
            total=len(cards),
            classes=by_class,
            defects=defects,
            scale=render_scale() if any(card.heatmap for card in cards) else "",
            script=Markup(_text("page.js")),  # noqa: S704 - a file of this package
        )
    )
    return render_page(
        "Images to judge",
        body,
        eyebrow="RLR Ops",
        lead=lead,
        notices=[Notice(text) for text in notices],
        style=_text("page.css"),
    )


def _card(root: Path, candidate: Candidate, white_level: int) -> Card:
    try:
        small = thumbnail(read_rgb(root / candidate.path, white_level))
        picture, shape = data_uri(small), round(small.shape[1] / small.shape[0], 3)
    except UserError:
        picture, shape = "", 1.0
    found, limit = candidate.score, candidate.threshold
    words = "" if found is None else f"score {score(found)}"
    words += "" if limit is None else f", threshold {score(limit)}"
    called = found is not None and limit is not None and found > limit
    return Card(candidate.path, picture, candidate.heatmap, shape, candidate.rank, words, called)


def _text(name: str) -> str:
    return resources.files(PACKAGE).joinpath(name).read_text(encoding="utf-8")
