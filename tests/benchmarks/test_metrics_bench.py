"""What exact metrics are compared with is right but for its grid, and streams are what they say."""

import json
from dataclasses import replace
from pathlib import Path

import metrics
import numpy as np
import pytest
from baseline_metrics import PUBLISHED, MetricHabits, baseline_aupro, baseline_metrics
from baseline_metrics import baseline_threshold_metrics as baseline_threshold
from synthetic_maps import SIDE, SyntheticMaps

NONE = MetricHabits(relabel=False, repaint=False, resort=False)


@pytest.fixture(scope="module")
def reference(shared: Path) -> dict[str, tuple[np.ndarray, np.ndarray, dict[str, float]]]:
    golden = shared / "golden"
    values = json.loads((golden / "metrics_reference.json").read_text())
    with np.load(golden / "metrics_reference.npz") as arrays:
        return {
            case: (arrays[f"{case}.masks"] > 0, arrays[f"{case}.scores"], expected)
            for case, expected in values.items()
        }


@pytest.mark.parametrize("case", ["ties", "constant", "diagonal_regions"])
def test_the_baseline_is_exact_where_every_score_is_a_threshold(reference, case: str) -> None:  # type: ignore[no-untyped-def]
    masks, maps, expected = reference[case]
    found = baseline_aupro(masks, maps, thresholds=None, habits=NONE)
    assert found == pytest.approx(expected["aupro_0.30"], abs=1e-6)


@pytest.mark.parametrize("habits", [PUBLISHED, NONE])
def test_the_baseline_agrees_with_the_golden_numbers(reference, habits: MetricHabits) -> None:  # type: ignore[no-untyped-def]
    for case, (masks, maps, expected) in reference.items():
        found = baseline_threshold(masks.ravel(), maps.ravel(), habits)
        assert found == pytest.approx({key: expected[key] for key in found}, abs=1e-6), case


def test_no_habit_changes_a_figure() -> None:
    made = SyntheticMaps(8)
    masks, maps = np.stack(list(made.masks)), np.stack(list(made.maps))
    plain = baseline_metrics(masks, maps, thresholds=20, habits=NONE)
    for name in ("relabel", "repaint", "resort"):
        habits = replace(NONE, **{name: True})
        found = baseline_metrics(masks, maps, thresholds=20, habits=habits)
        assert found == pytest.approx(plain, abs=1e-12)


def test_a_stream_is_always_the_same_and_held_scores_change_no_figure() -> None:
    one, other = SyntheticMaps(8), SyntheticMaps(8)
    for place in (4, 7, 4):
        np.testing.assert_array_equal(one.maps[place], other.maps[place])
        np.testing.assert_array_equal(one.masks[place], other.masks[place])
    assert not one.masks[7].any()
    assert one.masks[4].any()
    few, many = metrics.stream(8 * SIDE**2, 3000), metrics.stream(8 * SIDE**2, 1 << 20)
    assert few["values"] == pytest.approx(many["values"], abs=1e-12)
    assert few["pixels"] == 8 * SIDE**2


def test_both_tables_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    side, streamed = ["--maps", "4", "--rounds", "1", "--thresholds", "9"], ["--pixels", "9"]
    for words, key in ((side, "subjects"), (streamed, "peak_mib")):
        monkeypatch.setattr(
            "sys.argv", ["metrics.py", *words, "--json", str(tmp_path / "one.json")]
        )
        assert metrics.main() == 0
        written = json.loads((tmp_path / "one.json").read_text())
        assert key in written
        assert {"processor", "numpy", "load"} <= written["machine"].keys()
    printed = capsys.readouterr().out
    assert "| without relabel |" in printed
    assert "| pixels | held at once |" in printed
