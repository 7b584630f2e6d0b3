"""The report: complete by itself, honest in its first line, and never a NaN."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from torch import Tensor

from rlr.config import Config, load_config
from rlr.data.manifest import GOOD, Manifest
from rlr.evaluation.evaluate import evaluate
from rlr.evaluation.metrics import Curve
from rlr.evaluation.report.charts import Series, histogram, line_chart
from rlr.evaluation.report.examples import KINDS, pick
from rlr.evaluation.report.pictures import SIDE, draw_outline, in_shape, thumbnail
from rlr.model.decoder import DecoderSizes, PictureDecoder

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Checks that tags are balanced, and gathers what is looked at."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open and data.strip():
            self.text.append(data.strip())

    def tags(self, name: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.seen if tag == name]


@pytest.fixture
def html(stand_in: Any, full_set: Manifest, settings: Config, tmp_path: Path) -> str:
    evaluate(stand_in, full_set, settings, tmp_path)
    return (tmp_path / "report.html").read_text()


def test_the_page_is_complete_by_itself(html: str) -> None:
    page = Page(html)
    assert not re.search(r"https?://|@import|<script|<link", html)
    assert set(re.findall(r"url\(([^)]*)\)", html)) == {"#heat"}
    pictures = page.tags("img")
    assert pictures
    assert all(picture["src"].startswith("data:image/jpeg;base64,") for picture in pictures)
    assert all(anchor["href"].startswith("#") for anchor in page.tags("a"))
    named = {attributes.get("id") for _, attributes in page.seen}
    assert {anchor["href"][1:] for anchor in page.tags("a")} <= named


def test_the_page_can_be_listened_to(html: str) -> None:
    page = Page(html)
    assert page.tags("html")[0]["lang"] == "en"
    assert all(picture["alt"] for picture in page.tags("img"))
    assert all(head["scope"] in ("col", "row") for head in page.tags("th"))
    assert len(page.tags("caption")) == len(page.tags("table")) == 3
    for drawing in page.tags("svg"):
        assert drawing.get("aria-label") or drawing.get("aria-hidden")


def test_what_is_undefined_is_a_dash(html: str) -> None:
    text = Page(html).text
    assert "-" in text
    assert not {"nan", "NaN", "inf", "None"} & set(" ".join(text).split())
    assert any(line.startswith("ring: 1 of 2 defective images have no mask") for line in text)


def test_names_are_escaped(html: str) -> None:
    assert "<b>&tube" not in html
    assert "&lt;b&gt;&amp;tube" in html


def test_random_weights_are_said_first(
    make_detector: Callable[..., Any], full_set: Manifest, settings: Config, tmp_path: Path
) -> None:
    names = {"plate": 0.6, "ring": 0.6, "<b>&tube": 0.6}
    evaluate(make_detector(names, 0.9, origin="random"), full_set, settings, tmp_path)
    text = Page((tmp_path / "report.html").read_text()).text
    assert text[1].startswith("Backbone weights are random:")  # text[0] is the window's title


def test_trained_weights_are_not_called_random(html: str) -> None:
    assert "weights are random" not in html


class Drawing:
    """Lends a stand-in a decoder, and three references."""

    batch_size = 4

    def __init__(self, detector: Any) -> None:
        self._detector = detector
        self.decoder = PictureDecoder(DecoderSizes(((4, 4),), (3,), 16, doublings=2))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._detector, name)

    def reconstruct(self, images: list[np.ndarray]) -> tuple[list[Tensor], list[Tensor]]:
        return [torch.zeros(len(images), 16, 3)], [torch.ones(len(images), 16, 3)]

    def references(self) -> list[Tensor]:
        return [torch.zeros(3, 16, 3)]


def test_decoded_pictures_stand_beside_the_others(
    html: str, stand_in: Any, full_set: Manifest, settings: Config, tmp_path: Path
) -> None:
    evaluate(Drawing(stand_in), full_set, settings, tmp_path / "drawn")
    plain, drawn = Page(html), Page((tmp_path / "drawn" / "report.html").read_text())
    titles = [[picture.get("title") for picture in page.tags("img")] for page in (plain, drawn)]
    examples = titles[0].count("Image")
    assert examples > 4
    assert titles[1].count("Seen") == titles[1].count("Expected") == examples
    assert not {"Seen", "Expected"} & set(titles[0])
    assert [title for title in titles[1] if title in titles[0]] == titles[0]
    named = [picture["alt"] for picture in drawn.tags("img") if "title" not in picture]
    assert named == [f"The learned reference {place} of 3, decoded" for place in (1, 2, 3)]
    assert "#reference" in {anchor["href"] for anchor in drawn.tags("a")}
    assert "#reference" not in {anchor["href"] for anchor in plain.tags("a")}


def test_a_trivial_method_that_does_better_is_said_first(
    make_detector: Callable[..., Any], bench: Any, settings: Config, tmp_path: Path
) -> None:
    """Dark defects: the stand-in looks for bright pixels, the mean image for any change."""
    for _ in range(3):
        bench.add("plate", "train", GOOD)
        bench.add("plate", "test", GOOD)
        bench.add("plate", "test", "hole", brightness=0.0)
    detector = make_detector({"plate": 0.6}, 0.6)
    evaluate(detector, bench.manifest(), settings, tmp_path / "a")
    text = Page((tmp_path / "a" / "report.html").read_text()).text
    assert text[1].startswith("A trivial method does better on these images")
    without = load_config("tiny", ["evaluation.baseline=false"])
    evaluate(detector, bench.manifest(), without, tmp_path / "b")
    assert "rivial method" not in (tmp_path / "b" / "report.html").read_text()


def test_every_figure_has_its_protocol(html: str) -> None:
    text = Page(html).text
    for name in ("default", "published"):
        assert f"Protocol {name}" in text
        assert f"Pixels, protocol {name}" in text
    assert any("protocol default" in line for line in text if line.startswith("mean of classes"))


def test_examples_are_the_most_telling() -> None:
    frame = pd.DataFrame(
        [
            ("hit", True, True, 5.0),
            ("greatest hit", True, True, 9.0),
            ("miss", True, False, 0.9),
            ("worst miss", True, False, 0.1),
            ("alarm b", False, True, 2.0),
            ("alarm a", False, True, 2.0),
            ("rejection", False, False, 0.2),
        ],
        columns=["path", "defective", "is_anomalous", "image_score"],
    )
    misses, alarms, hits = (list(pick(frame, kind)["path"]) for kind in KINDS)
    assert misses == ["worst miss", "miss"]
    assert alarms == ["alarm a", "alarm b"]
    assert hits == ["greatest hit", "hit"]


def test_examples_are_shown_under_their_kind(html: str) -> None:
    text = Page(html).text
    assert text.count("Worst misses") == 4  # one a class
    assert text.count("None: no normal image was called defective.") == 4
    assert "plate/test/spot-15.png" in text  # brightness 0.45 is below the threshold


@pytest.mark.parametrize("threshold", [None, 0.5, -3.0, 1e6])
def test_a_histogram_holds_every_image(threshold: float | None) -> None:
    """Bars add up to the number of images, however far away one of them is."""
    normal = np.array([0.1, 0.2, 0.2, 0.4])
    defective = np.array([0.3, 0.9, 50.0])
    svg = str(histogram("title", normal, defective, threshold))
    drawn = []
    for style in ("normal", "defective"):
        path = re.search(rf'class="bar {style}" d="([^"]*)"', svg)
        drawn.append(sum(abs(float(height)) for height in re.findall(r"v(-?[\d.]+)", path[1])))
    assert drawn[0] / drawn[1] == pytest.approx(4 / 3, rel=0.01)
    assert ("threshold" in svg) == (threshold is not None)


def test_a_histogram_of_equal_scores() -> None:
    for scores in (np.zeros(3), np.full(3, 7.0)):
        svg = str(histogram("title", scores, np.empty(0), float(scores[0])))
        assert "nan" not in svg


def test_a_line_chart_leaves_out_what_is_undefined() -> None:
    curve = Curve(np.array([0.0, 0.3]), np.array([0.0, 1.0]), np.array([2.0, 1.0]))
    series = [Series("a<b", "0.500", curve, "s0"), Series("none", "-", None, "s1")]
    svg = str(line_chart("title", ("x", "y"), series, greatest_x=0.3))
    assert svg.count('class="line') == 1
    assert "M42 260L370 10" in svg  # corner to corner
    assert "a&lt;b" in svg
    assert "0.1</text>" in svg


def test_an_outline_surrounds_and_does_not_cover() -> None:
    image = np.full((64, 64, 3), 100, dtype=np.uint8)
    mask = np.zeros((256, 256), dtype=bool)
    mask[100:140, 100:160] = True
    drawn = draw_outline(image, mask)
    changed = (drawn != image).any(axis=2)
    inside = mask[::4, ::4]
    assert changed.any()
    assert not (changed & inside).any()
    rows, columns = np.nonzero(changed)
    assert max(rows.min(), columns.min()) < 25
    assert rows.max() > 35
    assert columns.max() > 40


def test_a_small_defect_is_still_outlined() -> None:
    image = np.zeros((32, 32, 3), dtype=np.uint8)
    mask = np.zeros((1024, 1024), dtype=bool)
    mask[500, 500] = True
    rows, columns = np.nonzero(draw_outline(image, mask).any(axis=2))
    assert 5 < rows.min() < 15 < rows.max() < 26
    assert 5 < columns.min() < 15 < columns.max() < 26


@pytest.mark.parametrize("size", [(40, 1000), (64, 64), (2000, 1500)])
def test_thumbnails_have_one_size(size: tuple[int, int]) -> None:
    small = thumbnail(np.zeros((*size, 3), dtype=np.uint8))
    assert max(small.shape) == SIDE
    assert small.shape[0] / small.shape[1] == pytest.approx(size[0] / size[1], rel=0.05)


def test_a_decoded_picture_takes_the_shape_of_its_image() -> None:
    square = np.zeros((64, 64, 3), dtype=np.uint8)
    assert in_shape(square, (100, 200)).shape == (32, 64, 3)
    assert in_shape(square, (300, 300)) is square
