"""The page of a decision: what stands first, what is drawn, and where."""

import re
from pathlib import Path

import pytest

from rlr.gate.report.charts import NAMES, WIDTH, Entry, forest
from rlr.gate.result import Compared, GateResult, Interval

PAGE_LIMIT = 1_000_000  # characters of a gate over 20 images


def entry(
    lower: float, estimate: float, upper: float, margin: float = -0.03, flag: str = ""
) -> Entry:
    interval = Interval(estimate=estimate, lower=lower, upper=upper)
    return Entry(
        "bolt", Compared(candidate=0.9, champion=0.8, difference=interval, flag=flag), margin
    )


@pytest.fixture(scope="module")
def page(gated: tuple[Path, GateResult]) -> str:
    return (gated[0] / "gate.html").read_text()


def test_outcome_and_deciding_rule_stand_first(page: str, gated: tuple[Path, GateResult]) -> None:
    result = gated[1]
    head = page.partition("</header>")[0].partition("<body>")[2]
    assert f"<h1>{result.outcome.capitalize()}</h1>" in head
    assert "Decided by " in head
    decisive = [one.rule for one in result.findings if one.outcome == result.outcome]
    assert ("primary metric" in head) == ("primary" in decisive)
    assert ("single class" in head) == ("class" in decisive)
    decision = page.partition('id="decision"')[2].partition("What each rule says")[0]
    for reason in result.reasons:
        assert reason.replace("'", "&#39;") in decision


def test_nothing_comes_from_outside(page: str) -> None:
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert len(page) < PAGE_LIMIT


def test_each_class_has_its_interval_in_each_primary_metric(page: str) -> None:
    charts = re.findall(r'<svg class="forest".*?</svg>', page, re.DOTALL)
    by_title = {re.search(r'aria-label="([^"]+)"', chart)[1]: chart for chart in charts}  # type: ignore[index]
    for metric in ("Image AUROC", "AUPRO 0.30"):
        chart = by_title[f"Differences of {metric} by class"]
        for name in ("rings", "stripes", "Mean of classes"):
            assert f"<title>{name}</title>" in chart
        assert chart.count('class="interval"') == 3
        assert chart.count('class="margin"') == 2
    assert 'class="margin"' in by_title["Differences of Primary metric by class"]


def test_every_finding_and_every_value_is_told(page: str, gated: tuple[Path, GateResult]) -> None:
    result = gated[1]
    findings = page.partition("What each rule says")[2].partition("</table>")[0]
    assert findings.count("<tr>") == len(result.findings) + 1
    values = page.partition('id="values"')[2].partition("</table>")[0]
    for metrics in (*result.per_class.values(), result.mean):
        for compared in metrics.values():
            for value in (compared.candidate, compared.champion):
                if value is not None:
                    assert f">{value:.3f}<" in values


def test_each_disagreement_shows_the_image_and_both_heat_maps(
    page: str, gated: tuple[Path, GateResult]
) -> None:
    shown = page.partition('id="disagreements"')[2].partition("</section>")[0]
    examples = shown.split('<figure class="example">')[1:]
    assert len(examples) == len(gated[1].disagreements) > 0
    for text, entry_ in zip(examples, gated[1].disagreements, strict=True):
        assert entry_["path"] in text
        assert f"{entry_['class']}, {entry_['label']}" in text
        sources = re.findall(r'src="(data:image/jpeg;base64,[^"]+)"', text)
        assert len(set(sources)) == 3
        for model in ("candidate", "champion"):
            called = "defective" if entry_[f"{model}_called"] else "normal"
            units = re.search(
                rf"<strong>{model.capitalize()}</strong><br>{called}, ([0-9.]+) thr", text
            )
            assert units is not None
            assert (float(units[1]) > 1.0) == entry_[f"{model}_called"] or units[1] == "1.00"


@pytest.mark.parametrize(
    ("made", "style"),
    [
        (entry(-0.2, -0.1, -0.05), "worse"),
        (entry(-0.2, -0.1, -0.02), "level"),
        (entry(-0.2, 0.1, 0.3), "level"),
        (entry(0.01, 0.1, 0.3), "better"),
        (entry(-0.01, 0.1, 0.3, margin=0.0), "level"),
        (entry(0.01, 0.1, 0.3, flag="no width"), "flagged"),
        (
            Entry("bolt", Compared(candidate=None, champion=0.8, difference=None, flag=""), 0.0),
            "flagged",
        ),
    ],
)
def test_the_colour_tells_what_is_shown(made: Entry, style: str) -> None:
    assert made.style == style
    assert f'class="row {style}"' in forest("t", [made])


def test_intervals_lie_where_the_axis_says() -> None:
    drawing = str(forest("t", [entry(-0.2, -0.1, 0.1)]))
    (zero,) = re.findall(r'class="zero" d="M([\d.]+)', drawing)
    ((low, high),) = re.findall(r'class="interval" d="M([\d.]+) [\d.]+H([\d.]+)M', drawing)
    (middle,) = re.findall(r'<circle class="estimate" cx="([\d.]+)"', drawing)
    (margin,) = re.findall(r'class="margin" d="M([\d.]+)', drawing)
    places = [float(text) for text in (low, middle, margin, zero, high)]
    assert places == sorted(places)
    unit = (places[4] - places[0]) / 0.3
    assert places[3] == pytest.approx(places[0] + 0.2 * unit, abs=0.2)
    assert places[2] == pytest.approx(places[3] - 0.03 * unit, abs=0.2)
    assert NAMES <= places[0] < places[4] <= WIDTH
    assert "\u22120.100 [\u22120.200, +0.100]" in drawing


def test_an_impossible_difference_does_not_stretch_the_axis() -> None:
    """The intervals of few images go beyond what a difference of shares can be."""
    drawing = str(forest("t", [entry(-7.0, 0.0, 7.0)]))
    assert ">\u22121</text>" in drawing
    assert ">\u22125</text>" not in drawing
    assert "+7.000" in drawing


def test_a_long_name_is_cut_and_told_in_full() -> None:
    name = "a<b" * 12
    compared = Compared(candidate=0.9, champion=0.8, difference=None, flag="")
    drawing = str(forest("t", [Entry(name, compared, None)]))
    assert "a&lt;b" * 12 in drawing
    assert drawing.count("\u2026") == 1
    assert "<b" not in drawing
