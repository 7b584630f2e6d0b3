"""Results as tables, differences with intervals, a curve, and a page that follows them."""

import copy
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import detection
import numpy as np
import pandas as pd
import pytest
from quality.closed import closed_table
from quality.difference import difference_table, differences, speed
from quality.pages import rewrite
from quality.spread import METRICS, Spread
from quality.tables import NONE, comparison_table, cost_table, show, table

from rlr.foundation.errors import UserError

CLASSES = {"bolt": 0.9, "nut": 0.8}
COUNTS = {"train": 10, "validation": 2, "test_good": 40, "test_defective": 40, "masked": 40}


def a_record(seed: int, epoch: int | None, lift: float) -> dict[str, Any]:
    per_class = {
        name: dict.fromkeys(METRICS, base + lift + 0.01 * seed) for name, base in CLASSES.items()
    }
    per_class["nut"] |= {"pixel_auroc": None, "pixel_ap": None, "pixel_f1max": None}
    mean = dict.fromkeys(METRICS, 0.85 + lift + 0.01 * seed)
    seconds = 60.0 * epoch if epoch else 0.0
    return {
        "seed": seed,
        "epoch": epoch,
        "cpu_seconds": {
            "training": seconds, "features": 3.0, "scoring_an_image": 0.25, "metrics": 1.0
        },
        "peak_bytes": 2**31,
        "metrics": {"per_class": per_class, "mean": mean, "pooled": mean},
        "scores": f"scores/seed-{seed}-epoch-{epoch}.parquet",
    }  # fmt: skip


def a_document(method: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    settings = {"banks": "class", "patches": 8000, "subset": "random"}
    return {
        "schema_version": 1,
        "kind": "detection-bench",
        "method": method,
        "configuration": {
            "name": "published",
            "backbone": {"name": "resnet18", "weights": "hub"},
            "patchcore": settings,
        },
        "images": {
            "development": False, "test_sha256": "0", "classes": dict.fromkeys(CLASSES, COUNTS)
        },
        "machine": {"cpu": "a processor", "threads": 1, "device": "cpu"},
        "records": records,
    }  # fmt: skip


def write(folder: Path, name: str, document: dict[str, Any], shift: float = 0.0) -> Path:
    """Write results with image scores: defective ones are higher by `shift` deviations."""
    for record in document["records"]:
        path = folder / record["scores"]
        path.parent.mkdir(parents=True, exist_ok=True)
        draws = np.random.default_rng(record["seed"])
        rows = [
            (f"{kind}/{label}/{place}", kind, label)
            for kind in CLASSES
            for label in ("good", "dent")
            for place in range(40)
        ]
        frame = pd.DataFrame(rows, columns=["path", "class", "label"])
        bad = (frame["label"] == "dent").to_numpy()
        frame["image_score"] = draws.standard_normal(len(frame)) + shift * bad
        frame.to_parquet(path)
    (folder / name).write_text(json.dumps(document))
    return folder / name


@pytest.fixture
def ours() -> dict[str, Any]:
    return a_document("rlr", [a_record(s, e, 0.01 * e) for s in (0, 1, 2) for e in (1, 4)])


@pytest.fixture
def yardstick() -> dict[str, Any]:
    return a_document("patchcore", [a_record(0, None, 0.02)])


def test_a_spread_is_the_standard_deviation_of_the_seeds() -> None:
    assert Spread.of([0.5, 0.7]).told() == "0.600 ± 0.141"
    assert Spread.of([0.5]).told() == "0.500"


def test_columns_of_a_table_are_even() -> None:
    assert table([["", "b"], ["longer", "1"]]) == (
        "|        | b   |\n| ------ | --- |\n| longer | 1   |"
    )


def test_a_result_is_shown_after_its_last_epoch_with_means_over_seeds(ours: dict[str, Any]) -> None:
    text = show(ours)
    assert "`published`, resnet18 after 4 epochs; seeds 0, 1, 2; 24 normal images given" in text
    cells = {
        row.split("|")[1].strip(): [c.strip() for c in row.split("|")[2:-1]]
        for row in text.splitlines()
        if row.startswith("|")
    }
    assert cells["bolt"] == ["0.950 ± 0.010"] * 7
    assert cells["nut"] == [*["0.850 ± 0.010"] * 3, *[NONE] * 3, "0.850 ± 0.010"]
    assert "| 4      | 4.0 ± 0.0         | 3.0 ± 0.0       | 250 ± 0" in text


def test_a_result_without_records_says_so(ours: dict[str, Any]) -> None:
    assert show(ours | {"records": []}) == "`published`, resnet18: nothing measured yet."


def test_results_stand_side_by_side(ours: dict[str, Any], yardstick: dict[str, Any]) -> None:
    lines = comparison_table([ours, yardstick]).splitlines()
    assert len(lines) == 2 + 2 + 1
    assert "PatchCore (plain, our own), a bank a class, random subset, resnet18" in lines[-1]
    cells = [cell.strip() for cell in lines[-1].split("|")[2:-2]]
    assert cells[:2] == [NONE, "1"]
    assert cells[2:4] == ["0.920 / 0.920 / 0.920", f"0.820 / {NONE} / 0.820"]


def test_a_difference_has_a_paired_interval(
    ours: dict[str, Any], yardstick: dict[str, Any], tmp_path: Path
) -> None:
    better = write(tmp_path / "a", "a.json", ours, shift=3.0)
    worse = write(tmp_path / "b", "b.json", yardstick, shift=0.5)
    for found in differences(better, ours, worse, yardstick):
        assert 0.1 < found.low < found.mean < found.high < 0.6
        assert not found.is_loss
    back = differences(worse, yardstick, better, ours)
    assert all(found.is_loss for found in back)
    same = differences(worse, yardstick, worse, yardstick)
    assert [(one.mean, one.low, one.high, one.leeway) for one in same] == [(0, 0, 0, 0.01)] * 2
    assert "worse" in difference_table([(worse, yardstick), (better, ours)])


def test_results_on_other_images_do_not_compare(ours: dict[str, Any], tmp_path: Path) -> None:
    other = copy.deepcopy(ours)
    other["images"]["test_sha256"] = "1"
    with pytest.raises(UserError, match="measured on other images"):
        differences(tmp_path / "a", ours, tmp_path / "b", other)


def test_the_share_of_the_gap_is_closed_between_start_and_goal() -> None:
    start, goal, ours = (
        a_document("patchcore", [a_record(seed, None, lift) for seed in (0, 1)])
        for lift in (-0.2, 0.1, -0.05)
    )
    goal["records"][1]["metrics"]["mean"] = goal["records"][0]["metrics"]["mean"] | {
        "aupro_0.30": 0.3
    }
    *_, row = closed_table([start, goal, ours]).splitlines()
    assert row.split(" | ")[-1].removesuffix(" |").strip() == f"51% / 51% / {NONE}"
    with pytest.raises(UserError, match="name the results of the start, of the goal"):
        closed_table([start])
    trained = a_document("rlr", [a_record(0, epoch, 0.0) for epoch in (3, 12)])
    early = a_document("rlr", [a_record(0, 3, -0.2)])
    assert closed_table([early, trained]).splitlines()[-1].count("100%") == 3
    with pytest.raises(UserError, match="no measured epoch in common"):
        closed_table([start, trained])


def test_speed_is_told_in_shares_of_the_others_time(ours: dict[str, Any]) -> None:
    fast = a_document("rlr", [a_record(0, 1, 0.06), a_record(0, 2, 0.07)])
    assert "after 1 epochs, in 0.250 of its CPU time" in speed(fast, ours)
    slow = a_document("rlr", [a_record(0, 8, 0.0)])
    assert "does not reach all means" in speed(slow, ours)


def test_the_curve_is_a_picture_of_all_results(
    ours: dict[str, Any], yardstick: dict[str, Any], tmp_path: Path
) -> None:
    files = [write(tmp_path / n, "r.json", d) for n, d in (("a", ours), ("b", yardstick))]
    out = tmp_path / "curve.svg"
    assert detection.main(["plot", *map(str, files), "--out", str(out)]) == 0
    tree = ET.fromstring(out.read_text())  # noqa: S314 - our own picture
    tag = "{http://www.w3.org/2000/svg}"
    panels = 3
    assert len(tree.findall(f"{tag}circle")) == panels * 2
    classes = [path.get("class") for path in tree.iter(f"{tag}path")]
    assert classes.count("level c1") == panels + 1  # once in the legend
    assert classes.count("line c0") == panels + 1


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (["plot", "{b}", "--out", "{c}.svg"], "there is no curve"),
        (["plot", "{a}", "--out", "{c}.png"], "ends in .svg"),
        (["compare", "{a}"], "name two results files"),
        (["show", "{c}"], "is missing"),
        (["show", "{d}"], "holds no results"),
        (["page", "{c}"], "is missing; name a Markdown page"),
    ],
)
def test_bad_requests_are_told_in_a_sentence(
    command: list[str],
    told: str,
    ours: dict[str, Any],
    yardstick: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "other.json").write_text("{}")
    names = {
        "a": write(tmp_path / "a", "r.json", ours),
        "b": write(tmp_path / "b", "r.json", yardstick),
        "c": tmp_path / "none",
        "d": tmp_path / "other.json",
    }
    assert detection.main([word.format(**names) for word in command]) == 2
    assert told in capsys.readouterr().err


def test_a_page_follows_the_results(ours: dict[str, Any], tmp_path: Path) -> None:
    write(tmp_path, "ours.json", ours)
    page = tmp_path / "page.md"
    page.write_text(
        "before\n<!-- bench show ours.json -->\nold\n<!-- /bench -->\nbetween\n"
        "<!-- bench difference ours.json later.json -->\n<!-- /bench -->\n"
        "<!-- bench cost ours.json later.json -->\n<!-- /bench -->\n"
        "<!-- bench openings -->\n<!-- /bench -->\n"
    )
    assert rewrite(page, tmp_path) == 4
    text = page.read_text()
    assert "\nold\n" not in text
    assert show(ours) in text
    assert text.count("Not measured yet: later.json.") == 2
    assert cost_table([ours]) in text
    assert "| all        |     | 0     |" in text
    assert text.startswith("before\n<!-- bench show ours.json -->\n")
    assert rewrite(page, tmp_path) == 4
    assert page.read_text() == text
    page.write_text("<!-- bench shine ours.json -->\n<!-- /bench -->\n")
    with pytest.raises(UserError, match=r"'bench shine ours\.json' is no table"):
        rewrite(page, tmp_path)
    page.write_text("nothing\n")
    with pytest.raises(UserError, match="no place for a table"):
        rewrite(page, tmp_path)
