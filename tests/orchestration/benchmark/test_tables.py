"""The tables: measured beside quoted, and nothing beside what it does not compare with."""

import csv
import io
import re
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import pytest

from rlr.orchestration.benchmark.datasets import DATASETS
from rlr.orchestration.benchmark.features import Features
from rlr.orchestration.benchmark.images import CategoryCounts, notes_on
from rlr.orchestration.benchmark.latex import escaped, render_latex
from rlr.orchestration.benchmark.markdown import render_markdown
from rlr.orchestration.benchmark.outcome import Outcome
from rlr.orchestration.benchmark.plan import Plan
from rlr.orchestration.benchmark.protocol import IMAGE_METRICS, METRICS
from rlr.orchestration.benchmark.quoted import read_quoted
from rlr.orchestration.benchmark.request import Request
from rlr.orchestration.benchmark.sheet import render_csv

COUNTS = CategoryCounts(train=10, good=3, defective=4)
SHARES = (0.975, 0.985)  # of two seeds


def run(categories: list[str], seed: int, **changes: Any) -> dict[str, Any]:
    """Return the result of a run: the same share for all metrics, but one is not defined."""
    share = SHARES[seed]
    values = {name: dict.fromkeys(METRICS, share) for name in categories}
    values[categories[0]]["pixel_ap"] = None
    values[categories[1]]["image_auroc"] = share - 0.3
    return {
        "seed": seed,
        "categories": values,
        "pooled": dict.fromkeys(IMAGE_METRICS, share),
        "backbone": {"name": "net", "weights_origin": "hub"},
        "training_images": 10 * len(categories),
        "code": {"commit": "c"},
        **changes,
    }


def outcome(categories: list[str], official: bool, **changes: Any) -> Outcome:
    request = Request("mvtec", Path("data/MVTec AD"), Path("out"), ("tiny",), (0, 1))
    notes = [] if official else ["2 of 15 categories are not in the run."]
    plan = Plan(request, dict.fromkeys(categories, COUNTS), notes, {"tiny": Features([])})
    runs = {"tiny": [run(categories, seed, **changes) for seed in (0, 1)]}
    return Outcome(plan, runs, read_quoted("mvtec"))


@pytest.fixture
def whole() -> Outcome:
    return outcome(list(DATASETS["mvtec"].categories), official=True)


@pytest.fixture
def part() -> Outcome:
    return outcome(["bottle", "metal_nut"], official=False)


def lines_of(text: str, start: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(start)]


def test_means_are_over_categories_and_then_over_seeds(whole: Outcome) -> None:
    (column,) = whole.measured
    means = [100 * (share - 0.3 / 15) for share in SHARES]
    assert column.mean["image_auroc"].value == pytest.approx(fmean(means))
    assert column.mean["image_auroc"].spread == pytest.approx(stdev(means))
    # A category without masks is left out of the mean, not counted as nought.
    assert column.mean["pixel_ap"].value == pytest.approx(100 * fmean(SHARES))
    assert column.categories["bottle"]["pixel_ap"].value is None
    assert column.categories["cable"]["image_auroc"].text() == "68.0 ± 0.7"


def test_a_metric_that_one_seed_lacks_has_no_figure(whole: Outcome) -> None:
    first, second = whole.runs["tiny"]
    second["categories"]["zipper"]["pixel_auroc"] = None
    figures = Outcome(whole.plan, {"tiny": [first, second]}, whole.quoted).measured[0]
    assert figures.categories["zipper"]["pixel_auroc"].value is None


def test_one_seed_has_no_spread(whole: Outcome) -> None:
    single = Outcome(whole.plan, {"tiny": whole.runs["tiny"][:1]}, whole.quoted)
    assert single.measured[0].mean["image_ap"].text() == "97.5"
    assert single.progress() == "1 of 2 runs are finished."


def test_markdown_of_the_official_set(whole: Outcome) -> None:
    text = render_markdown(whole)
    (tiny,) = lines_of(text, "| **tiny**")
    assert tiny == (
        "| **tiny** | net (hub weights) | 96.0 ± 0.7 | 98.0 ± 0.7 | 98.0 ± 0.7 | 98.0 ± 0.7 | "
        "98.0 ± 0.7 | 98.0 ± 0.7 | 98.0 ± 0.7 | 2 |"
    )
    (uniad,) = lines_of(text, "| UniAD [")
    number = int(re.findall(r"\[(\d+)\]", uniad)[0])
    assert "| 96.5 | 98.8 | 96.2 | 96.8 | 43.4 | 49.5 | 90.7 |  |" in uniad
    (source,) = lines_of(text, f"{number}. Dinomaly")
    assert "arXiv 2405.14325" in source
    bottle = lines_of(text, "| bottle |")
    assert bottle[0].startswith("| bottle | 98.0/98.0/98.0 | 99.6/99.9/98.4 |")
    assert bottle[1].startswith("| bottle | 98.0/-/98.0/98.0 |")
    assert "nothing of them was measured here" in text
    assert "rlr benchmark mvtec --root 'data/MVTec AD' --presets tiny --seeds 0,1" in text
    assert "Note" not in text


def test_quoted_means_do_not_stand_beside_other_images(part: Outcome) -> None:
    text = render_markdown(part)
    assert not lines_of(text, "| UniAD")
    assert "2 of 15 categories are not in the run. These images are not the complete" in text
    means = lines_of(text, "| **Mean** |")
    assert all(set(line.split("|")[3:-1]) == {" - "} for line in means)
    bottle = lines_of(text, "| bottle |")[0]
    assert "99.6/99.9/98.4" in bottle  # the very same images: these compare


def test_notes_name_what_does_not_compare(part: Outcome) -> None:
    categories = ["bottle", "cable"]
    odd = outcome(
        categories,
        official=False,
        backbone={"name": "net", "weights_origin": "random"},
        training_images=17,
    )
    notes = " ".join(odd.notes())
    assert "tiny has a backbone with random weights" in notes
    assert "tiny was trained on 17 of 20 normal training images" in notes
    assert "random weights" not in " ".join(part.notes())


def test_latex_is_well_formed(whole: Outcome, part: Outcome) -> None:
    for one in (whole, part):
        text = render_latex(one)
        check_latex(text)
        assert text.count(r"\begin{tabular}") == 3
        assert r"metal\_nut" in text
    assert r"UniAD [" in render_latex(whole)


def check_latex(text: str) -> None:
    """Hold a document against what LaTeX would stumble over."""
    assert text.isascii()
    stack: list[str] = []
    columns = 0
    for line in text.splitlines():
        if line.startswith("%"):
            continue
        bare = re.sub(r"\\[\\&%$#_{}]", "", line)
        assert (
            bare.count("{") == bare.count("}") or "resizebox" in line or line == r"\end{tabular}}"
        )
        assert not re.search(r"(?<!\\)[#_^~]", bare), line
        for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", line):
            if kind == "begin":
                stack.append(name)
            else:
                assert stack.pop() == name
        if tabular := re.match(r"\\begin\{tabular\}\{([lr]+)\}", line):
            columns = len(tabular.group(1))
        elif line.endswith(r"\\"):
            cells = len(re.findall(r"(?<!\\)&", line)) + 1
            wide = re.match(r"\\multicolumn\{(\d+)\}", line)
            assert (int(wide.group(1)) if wide else cells) == columns, line
    assert not stack
    assert len(re.findall(r"(?<!\\)\{", text)) == len(re.findall(r"(?<!\\)\}", text))


def test_latex_takes_every_character_literally() -> None:
    assert escaped(r"a_b & 5% $ # {x} ~ ^ \ ±") == (
        r"a\_b \& 5\% \$ \# \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} $\pm$"
    )


def test_csv_has_measured_and_quoted_figures(part: Outcome) -> None:
    rows = list(csv.DictReader(io.StringIO(render_csv(part))))
    found = {(row["method"], row["category"], row["metric"]): row for row in rows}
    assert float(found["tiny", "metal_nut", "image_auroc"]["percent"]) == pytest.approx(68.0)
    assert found["tiny", "mean", "image_ap"]["seeds"] == "2"
    uniad = found["UniAD", "mean", "pixel_ap"]
    assert (uniad["percent"], uniad["kind"], uniad["seeds"]) == ("43.4000", "quoted", "")
    assert uniad["source"] == "arXiv 2405.14325"
    assert ("tiny", "bottle", "pixel_ap") not in found  # not defined: no row


def test_the_document_keeps_what_is_quoted_apart(part: Outcome) -> None:
    document = part.as_dict()
    assert [one["name"] for one in document["measured"]] == ["tiny"]
    assert document["measured"][0]["source"] is None
    assert document["measured"][0]["pooled"]["image_auroc"]["percent"] == pytest.approx(98.0)
    assert all(one["source"] in document["sources"] for one in document["quoted"])
    assert document["official_set"] is False


@pytest.mark.parametrize(
    ("dataset", "change", "note"),
    [
        ("mpdd", {}, "There are 60 training images, officially 888."),
        ("mpdd", {"tubes": None}, "1 of 6 categories are not in the run."),
        ("mpdd", {"nut": COUNTS}, "MPDD has no category nut."),
        ("btad", {}, None),  # sources disagree about its number of images
    ],
)
def test_what_differs_from_the_official_set_is_told(
    dataset: str, change: dict[str, Any], note: str | None
) -> None:
    counts = {**dict.fromkeys(DATASETS[dataset].categories, COUNTS), **change}
    found = notes_on(DATASETS[dataset], {name: one for name, one in counts.items() if one})
    assert (note in found) if note else (found == [])
