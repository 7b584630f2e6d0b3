"""The whole of an evaluation, by a stand-in for the detector, on images with every kind of gap."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import rlr.evaluation.evaluate as room
from rlr.config import Config, load_config
from rlr.data.manifest import GOOD, Manifest
from rlr.evaluation.evaluate import evaluate
from rlr.evaluation.metrics import aupro, pixel_metrics
from rlr.foundation.errors import UserError

KEYS = [
    "aupro_0.30",
    "aupro_0.05",
    "pixel_auroc",
    "pixel_ap",
    "pixel_f1max",
    "image_auroc",
    "image_ap",
    "image_f1max",
]
PIXEL_KEYS, IMAGE_KEYS = KEYS[:5], KEYS[5:]


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def result(stand_in: Any, full_set: Manifest, settings: Config, output: Path) -> dict[str, Any]:
    return evaluate(stand_in, full_set, settings, output)


@pytest.fixture
def metrics(result: dict[str, Any], output: Path) -> dict[str, Any]:
    return json.loads((output / "metrics.json").read_text())


def test_the_shape_of_the_metrics(metrics: dict[str, Any]) -> None:
    assert list(metrics) == ["default", "published"]
    for one in metrics.values():
        assert list(one) == ["per_class", "mean", "pooled"]
        assert list(one["per_class"]) == ["<b>&tube", "newcomer", "plate", "ring"]
        for values in [*one["per_class"].values(), one["mean"], one["pooled"]]:
            assert list(values) == KEYS


def test_what_is_undefined_is_null(metrics: dict[str, Any]) -> None:
    for one in metrics.values():
        tube, newcomer, plate = (one["per_class"][k] for k in ("<b>&tube", "newcomer", "plate"))
        assert [tube[key] for key in PIXEL_KEYS] == [None] * 5  # no masks
        assert None not in [tube[key] for key in IMAGE_KEYS]
        assert set(newcomer.values()) == {None}  # one label only
        assert None not in plate.values()


def test_the_mean_is_over_classes_where_a_metric_is_defined(metrics: dict[str, Any]) -> None:
    for one in metrics.values():
        for key, mean in one["mean"].items():
            values = [v[key] for v in one["per_class"].values() if v[key] is not None]
            assert len(values) == (2 if key in PIXEL_KEYS else 3)
            assert mean == pytest.approx(np.mean(values))


def test_pixels_of_the_default_protocol(
    metrics: dict[str, Any], stand_in: Any, full_set: Manifest
) -> None:
    """Smoothed maps, stretched to the native size; the unjudged image is in none of it."""
    masks, maps = _by_hand(stand_in, full_set, native=True)
    assert len(maps) == 7
    expected = {"aupro_0.30": aupro(masks, maps, 0.3), **pixel_metrics(masks, maps)}
    found = metrics["default"]["per_class"]["plate"]
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_pixels_of_the_published_protocol(
    metrics: dict[str, Any], stand_in: Any, full_set: Manifest
) -> None:
    """Maps before smoothing at the input size, masks shrunk by nearest neighbour."""
    masks, maps = _by_hand(stand_in, full_set, native=False)
    expected = {"aupro_0.30": aupro(masks, maps, 0.3), **pixel_metrics(masks, maps)}
    found = metrics["published"]["per_class"]["plate"]
    assert {key: found[key] for key in expected} == pytest.approx(expected)
    assert found["pixel_ap"] != metrics["default"]["per_class"]["plate"]["pixel_ap"]


def test_pixels_of_the_standard_protocol(stand_in: Any, full_set: Manifest, output: Path) -> None:
    """Smoothed maps brought to 256x256 bilinearly, masks by nearest neighbour."""
    settings = load_config("tiny", ["evaluation.protocols=[standard]", "evaluation.baseline=false"])
    evaluate(stand_in, full_set, settings, output)
    maps, masks = [], []
    rows = full_set.frame.query("`class` == 'plate' and split == 'test' and label.notna()")
    for row in rows.to_dict(orient="records"):
        said = next(stand_in.predict_rows(full_set, pd.DataFrame([row])))[1]
        mask = Image.new("L", (row["width"], row["height"]))
        if isinstance(row["mask"], str):
            mask = Image.open(full_set.root / row["mask"])
        masks.append(np.asarray(mask.resize((256, 256), Image.Resampling.NEAREST)))
        large = Image.fromarray(said.anomaly_map).resize((256, 256), Image.Resampling.BILINEAR)
        maps.append(np.asarray(large))
    expected = {"aupro_0.30": aupro(masks, maps, 0.3), **pixel_metrics(masks, maps)}
    found = json.loads((output / "metrics.json").read_text())["standard"]["per_class"]["plate"]
    assert {key: found[key] for key in expected} == pytest.approx(expected)


def test_image_metrics_are_the_same_under_both_protocols(metrics: dict[str, Any]) -> None:
    for group in ("mean", "pooled"):
        ours, theirs = metrics["default"][group], metrics["published"][group]
        assert [ours[key] for key in IMAGE_KEYS] == [theirs[key] for key in IMAGE_KEYS]


def test_pooled_pixels_leave_out_what_is_not_known(
    metrics: dict[str, Any], stand_in: Any, full_set: Manifest, bench: Any, tmp_path: Path
) -> None:
    """Pooled equals one class that holds the very images whose pixels are known."""
    frame = full_set.frame
    defective = frame["label"].notna() & (frame["label"] != GOOD)
    known = frame[frame["class"].isin(["plate", "ring"]) & (~defective | frame["mask"].notna())]
    alone = Manifest(known.assign(**{"class": "one"}), full_set.root, full_set.version)
    settings = load_config("tiny", ["evaluation.baseline=false"])
    evaluate(stand_in, alone, settings, tmp_path / "alone")
    other = json.loads((tmp_path / "alone" / "metrics.json").read_text())
    for name, one in metrics.items():
        for key in PIXEL_KEYS:
            assert one["pooled"][key] == pytest.approx(other[name]["pooled"][key]), key


def _by_hand(
    detector: Any, manifest: Manifest, native: bool
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    masks, maps = [], []
    rows = manifest.frame.query("`class` == 'plate' and split == 'test' and label.notna()")
    for row in rows.to_dict(orient="records"):
        said = next(detector.predict_rows(manifest, pd.DataFrame([row])))[1]
        size = (row["width"], row["height"])
        mask = Image.new("L", size)
        if isinstance(row["mask"], str):
            mask = Image.open(manifest.root / row["mask"])
        if native:
            stretched = Image.fromarray(said.anomaly_map).resize(size, Image.Resampling.BILINEAR)
            masks.append(np.asarray(mask))
            maps.append(np.asarray(stretched))
        else:
            masks.append(np.asarray(mask.resize((32, 32), Image.Resampling.NEAREST)))
            maps.append(said.raw_map)
    return masks, maps


def test_scores_say_of_each_judged_image_what_was_decided(
    result: dict[str, Any], output: Path, full_set: Manifest
) -> None:
    scores = pd.read_parquet(output / "scores.parquet")
    expected = ["path", "class", "label", "image_score", "threshold", "is_anomalous"]
    assert list(scores.columns) == expected
    judged = full_set.frame.query("split == 'test' and label.notna()")
    assert list(scores["path"]) == list(judged["path"])
    assert (scores["is_anomalous"] == (scores["image_score"] > scores["threshold"])).all()
    assert set(scores[scores["class"] == "newcomer"]["threshold"]) == {0.9}


def test_the_result(result: dict[str, Any], output: Path, full_set: Manifest) -> None:
    assert result == json.loads((output / "result.json").read_text())
    assert result["kind"] == "evaluate"
    assert result["data_version"] == full_set.version
    assert result["images"] == {"normal": 8, "defective": 8, "unjudged": 1}
    assert result["pixel_notes"] == [
        "<b>&tube: none of 2 defective images has a mask; pixel metrics leave the class out.",
        "ring: 1 of 2 defective images have no mask; pixel metrics leave them out.",
    ]
    assert sorted(path.name for path in output.iterdir()) == sorted([*result["files"], RESULT])


RESULT = "result.json"


def test_the_baseline_stands_beside(result: dict[str, Any]) -> None:
    baseline = result["baseline"]["metrics"]
    assert list(baseline) == ["default", "published"]
    assert list(baseline["default"]["per_class"]) == ["<b>&tube", "plate", "ring"]
    assert baseline["default"]["mean"]["image_auroc"] > 0.9  # a bright square gives itself away


def test_the_baseline_can_be_left_out(
    stand_in: Any, full_set: Manifest, output: Path, tmp_path: Path
) -> None:
    without = evaluate(
        stand_in, full_set, load_config("tiny", ["evaluation.baseline=false"]), output
    )
    assert without["baseline"]["metrics"] == {}
    test_only = Manifest(full_set.select("test"), full_set.root, full_set.version)
    nothing = evaluate(stand_in, test_only, load_config("tiny"), tmp_path / "other")
    assert nothing["baseline"]["metrics"] == {}


def test_limits_and_protocols_are_settings(stand_in: Any, full_set: Manifest, output: Path) -> None:
    settings = load_config(
        "tiny", ["evaluation.aupro_limits=[0.1]", "evaluation.protocols=[published]"]
    )
    evaluate(stand_in, full_set, settings, output)
    metrics = json.loads((output / "metrics.json").read_text())
    assert list(metrics) == ["published"]
    assert next(iter(metrics["published"]["mean"])) == "aupro_0.10"


def test_curves_are_finite_thin_and_named(result: dict[str, Any], output: Path) -> None:
    curves = json.loads((output / "curves.json").read_text())
    assert list(curves) == ["default", "published"]
    for one in curves.values():
        assert one["per_class"]["newcomer"]["image_roc"] is None
        assert one["per_class"]["<b>&tube"]["pro"] is None
        roc = one["pooled"]["image_roc"]
        assert list(roc) == ["false_positive_rate", "true_positive_rate", "threshold"]
        for drawn in [one["pooled"], *one["per_class"].values()]:
            for curve in filter(None, drawn.values()):
                for values in curve.values():
                    assert len(values) <= 200
                    assert np.isfinite(values).all()
        assert max(one["pooled"]["pro"]["false_positive_rate"]) <= 0.3


def test_an_empty_test_split_is_one_sentence(
    stand_in: Any, bench: Any, settings: Config, output: Path
) -> None:
    bench.add("plate", "train", GOOD)
    bench.add("plate", "test", None)  # nobody has judged it
    with pytest.raises(UserError, match="no judged image in the split test"):
        evaluate(stand_in, bench.manifest(), settings, output)
    assert not output.exists()


def test_a_mask_of_another_size_is_named(
    stand_in: Any, full_set: Manifest, settings: Config, output: Path
) -> None:
    mask = next(name for name in full_set.frame["mask"] if isinstance(name, str))
    Image.new("L", (5, 6), 255).save(full_set.root / mask)
    with pytest.raises(UserError, match=r"mask of 5x6 pixels for an image of") as refusal:
        evaluate(stand_in, full_set, settings, output)
    assert mask in str(refusal.value)


def test_a_score_that_is_not_finite_names_the_image(
    stand_in: Any, full_set: Manifest, settings: Config, output: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(stand_in, "raw_map", lambda path: np.full((32, 32), np.nan, np.float32))
    with pytest.raises(UserError, match=r"tube/test/.*\.png: its anomaly map is not finite"):
        evaluate(stand_in, full_set, settings, output)


def test_nothing_looks_finished_when_it_is_not(
    stand_in: Any, full_set: Manifest, settings: Config, output: Path, monkeypatch: Any
) -> None:
    evaluate(stand_in, full_set, settings, output)

    def fail(findings: object) -> str:
        raise RuntimeError("no page")

    monkeypatch.setattr(room, "render_report", fail)
    with pytest.raises(RuntimeError):
        evaluate(stand_in, full_set, settings, output)
    assert not (output / "result.json").exists()
    assert not list(output.glob(".maps.*"))


def test_a_set_of_normal_images_alone(
    make_detector: Callable[..., Any], bench: Any, settings: Config, output: Path
) -> None:
    bench.add("plate", "train", GOOD)
    for _ in range(3):
        bench.add("plate", "test", GOOD)
    evaluate(make_detector({"plate": 0.6}, 0.6), bench.manifest(), settings, output)
    metrics = json.loads((output / "metrics.json").read_text())
    assert set(metrics["default"]["pooled"].values()) == {None}
    assert "No defective image in test." in (output / "report.html").read_text()
