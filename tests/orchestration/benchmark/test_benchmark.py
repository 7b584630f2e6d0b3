"""The command from end to end, on small trees in the official layouts."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fixtures.lookalikes import MVTEC, TRAIN, make_lookalike
from PIL import Image
from sklearn.metrics import roc_auc_score

import rlr.evaluation.evaluate as evaluation
import rlr.training.train as training
from rlr.config.load import preset_names
from rlr.foundation.errors import UserError
from rlr.orchestration.benchmark import Request, make_plan, run_benchmark
from rlr.orchestration.benchmark.datasets import DATASETS
from rlr.orchestration.benchmark.images import list_once

SMALL = ("features.preprocessing={height: 32, width: 32}", "training.epochs=1")


def request(name: str, root: Path, output: Path, **changes: Any) -> Request:
    settings = {"presets": ("tiny",), "seeds": (0,), "overrides": SMALL, **changes}
    return Request(name, root, output, **settings)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree in MVTec AD's layout."""
    return make_lookalike("mvtec", tmp_path_factory.mktemp("public") / "mvtec")


@pytest.fixture(scope="module")
def made(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output of one benchmark on it."""
    output = tmp_path_factory.mktemp("benchmark") / "out"
    run_benchmark(request("mvtec", tree, output))
    return output


@pytest.fixture
def output(made: Path, tmp_path: Path) -> Path:
    """Return a copy of that output, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "out"))


def no_training(*_: Any, **__: Any) -> Any:
    raise AssertionError("trained again")


def test_one_model_is_trained_on_all_training_images(made: Path) -> None:
    document = json.loads((made / "benchmark.json").read_text())
    (run,) = document["runs"]
    assert run["training_images"] == 2 * TRAIN
    result = json.loads((made / "runs/tiny/seed-0/train/result.json").read_text())
    assert result["images"] == {"train": 2 * TRAIN, "validation": 0}
    assert result["classes"] == list(MVTEC)
    notes = {threshold["note"] for threshold in result["thresholds"]["per_class"].values()}
    assert notes == {"from training images, which the networks have seen: it bounds no rate"}


def test_figures_are_those_of_the_scores(made: Path) -> None:
    document = json.loads((made / "benchmark.json").read_text())
    scored = {
        name: pd.read_parquet(made / f"runs/tiny/seed-0/evaluate/{name}/scores.parquet")
        for name in MVTEC
    }
    (column,) = document["measured"]
    areas = {}
    for name, frame in scored.items():
        assert len(frame) == 6
        areas[name] = 100 * roc_auc_score(frame["label"] != "good", frame["image_score"])
        found = column["categories"][name]["image_auroc"]
        assert found == {"percent": pytest.approx(areas[name]), "spread": None}
        assert column["categories"][name]["aupro_0.30"]["percent"] is not None
    assert column["mean"]["image_auroc"]["percent"] == pytest.approx(np.mean(list(areas.values())))
    pooled = pd.concat(scored.values())
    assert column["pooled"]["image_auroc"]["percent"] == pytest.approx(
        100 * roc_auc_score(pooled["label"] != "good", pooled["image_score"])
    )


def test_a_finished_run_is_not_made_again(
    tree: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads((output / "benchmark.json").read_text())
    (output / "benchmark.md").unlink()
    monkeypatch.setattr(training, "train", no_training)
    monkeypatch.setattr(evaluation, "evaluate", no_training)
    run_benchmark(request("mvtec", tree, output))
    assert json.loads((output / "benchmark.json").read_text()) == before
    assert (output / "benchmark.md").is_file()


def test_a_killed_run_goes_on_where_it_was(
    tree: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = json.loads((output / "benchmark.json").read_text())
    folder = output / "runs" / "tiny" / "seed-0"
    (folder / "result.json").unlink()
    (folder / "evaluate" / "cable" / "result.json").unlink()
    monkeypatch.setattr(training, "train", no_training)
    measured = []
    original = evaluation.evaluate

    def evaluate(*arguments: Any) -> Any:
        measured.append(arguments[1].classes)
        return original(*arguments)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    run_benchmark(request("mvtec", tree, output))
    assert measured == [["cable"]]
    assert json.loads((output / "benchmark.json").read_text())["runs"] == before["runs"]


def test_measurements_do_not_outlive_their_model(
    tree: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = output / "runs" / "tiny" / "seed-0"
    (folder / "result.json").unlink()
    (folder / "train" / "result.json").unlink()

    def stop(*_: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "train", stop)
    with pytest.raises(KeyboardInterrupt):
        run_benchmark(request("mvtec", tree, output))
    assert not (folder / "evaluate").exists()


def test_another_run_is_refused(tree: Path, output: Path) -> None:
    more = (*SMALL, "training.batch_size=3")
    with pytest.raises(UserError, match="holds a run with other settings, other images or another"):
        run_benchmark(request("mvtec", tree, output, overrides=more))
    with pytest.raises(UserError, match="or on other categories; choose another --output"):
        run_benchmark(request("mvtec", tree, output, categories=("bottle",)))


def test_other_images_are_refused(output: Path, tree: Path, tmp_path: Path) -> None:
    changed = Path(shutil.copytree(tree, tmp_path / "tree"))
    asked = request("mvtec", changed, output)
    config = asked.config("tiny", 0).data
    assert list_once(config, output).classes == list(MVTEC)  # the same files elsewhere
    (changed / "bottle" / "test" / "good" / "000.png").write_bytes(b"another size")
    with pytest.raises(UserError, match="holds runs on other images"):
        list_once(config, output)


@pytest.mark.parametrize("name", ["visa", "mpdd", "btad", "realiad"])
def test_the_other_sets_come_as_far_as_a_manifest(name: str, tmp_path: Path) -> None:
    asked = request(name, make_lookalike(name, tmp_path / name), tmp_path / "out")
    plan = make_plan(asked).as_dict()
    assert plan["layout"] == ("mvtec" if name == "mpdd" else name)
    assert not plan["official_set"]
    assert set(plan["categories"]) <= set(DATASETS[name].categories)
    manifest = list_once(asked.config("tiny", 0).data, tmp_path / "out")
    assert manifest.select("validation").empty
    planned = sum(found["train"] for found in plan["categories"].values())
    assert len(manifest.select("train")) == planned == 12


def test_views_of_a_part_are_scored_as_one_sample(tmp_path: Path) -> None:
    root = make_lookalike("realiad", tmp_path / "realiad")
    # Calibrated, too: with nothing set aside, that is made of training images.
    more = (*SMALL, "features.normalisation=channel", "detection.calibration.method=position")
    asked = request("realiad", root, tmp_path / "out", categories=("usb",), overrides=more)
    document = run_benchmark(asked)
    frame = pd.read_parquet(tmp_path / "out/runs/tiny/seed-0/evaluate/usb/scores.parquet")
    frame["part"] = frame["path"].str.extract(r"/(S\d+)/")
    frame["bad"] = frame["label"] != "good"
    parts = frame.groupby("part")[["bad", "image_score"]].max()
    assert len(frame) == 7
    assert len(parts) == 3
    expected = 100 * roc_auc_score(parts["bad"], parts["image_score"])
    figures = document["measured"][0]["categories"]["usb"]
    assert figures["sample_auroc"]["percent"] == pytest.approx(expected)
    assert "S-AUROC" in (tmp_path / "out" / "benchmark.md").read_text()


def test_visa_in_the_layout_of_its_authors_script(tmp_path: Path) -> None:
    root = make_lookalike("mpdd", tmp_path / "1cls")
    assert DATASETS["visa"].layout_of(root) == "mvtec"


def test_what_needs_images_set_aside_keeps_its_share(tree: Path, tmp_path: Path) -> None:
    plain = request("mvtec", tree, tmp_path / "out")
    config = plain.config("tiny", 0)
    assert (config.data.validation_fraction, config.threshold.method) == (0.0, "training")
    calibrated = "detection.calibration={method: position, residuals: validation}"
    keeping = request("mvtec", tree, tmp_path / "out", overrides=(*SMALL, calibrated))
    config = keeping.config("tiny", 0)
    assert (config.data.validation_fraction, config.threshold.method) == (0.15, "pooled")
    assert keeping.data_of("tiny") == plain.data_of("tiny")  # the same images, listed once


def test_a_dry_run_says_what_would_be_run(
    rlr: Callable[..., Any], tree: Path, tmp_path: Path
) -> None:
    words = ["benchmark", "mvtec", "--root", tree, "--presets", "tiny", "--seeds", "3,4"]
    output = tmp_path / "out"
    answer = rlr(*words, "-o", output, "--dry-run", "--json")
    assert answer.status == 0, answer.stderr
    plan = json.loads(answer.stdout)
    (preset,) = plan["presets"]
    assert preset["seeds"] == {"3": "to do", "4": "to do"}
    # test_resnet at 64 x 64: 16 x 16 x 48 and 8 x 8 x 160, four bytes each.
    assert preset["features_gib"] == round(12 * (16 * 16 * 48 + 8 * 8 * 160) * 4 / 2**30, 3)
    assert plan["categories"]["cable"] == {"train": 6, "good": 3, "defective": 3}
    assert not output.exists()
    shown = rlr(*words, "--dry-run").stdout
    assert "13 of 15 categories are not in the run." in shown
    assert "3 to do, 4 to do" in shown


def test_presets_that_are_not_in_this_build(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Request("mvtec", tree, tmp_path / "out")
    wanted = ["published", "default", "dinov2"]
    assert list(asked.sources) == [name for name in wanted if name in preset_names()]
    assert asked.left_out == [name for name in wanted if name not in preset_names()]
    with pytest.raises(UserError, match="No configuration 'defualt': neither a preset"):
        make_plan(Request("mvtec", tree, tmp_path / "out", ("defualt",)))


def test_memory_is_asked_for_before_hours_of_training(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlr.training import store

    monkeypatch.setattr(store, "free_memory", lambda _device: 1000)
    monkeypatch.setattr(training, "train", no_training)
    with pytest.raises(UserError, match=r"tiny: features of 12 training images take .*cache=disk"):
        run_benchmark(request("mvtec", tree, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"overrides": ("seed=5",)}, "the protocol decides seed; it comes from --seeds"),
        ({"overrides": ("data.root=x",)}, r"decides data\.root; it comes from --root"),
        ({"overrides": ("evaluation={}",)}, r"decides evaluation\.protocols"),
        ({"overrides": ("training.epoch=5",)}, r"training\.epoch: unknown key"),
        ({"seeds": (1, 1)}, "--seeds: name each seed once"),
        ({"presets": ("tiny", "tiny")}, "--presets: tiny is named twice"),
        ({"categories": ("botle",)}, r"data\.classes: botle; .* has the classes bottle, cable"),
    ],
)
def test_what_cannot_be_asked(
    tree: Path, tmp_path: Path, changes: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        make_plan(request("mvtec", tree, tmp_path / "out", **changes))


def test_a_folder_that_is_not_the_set(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"--root .*nowhere is missing; name the folder of VisA"):
        make_plan(request("visa", tmp_path / "nowhere", tmp_path / "out"))
    with pytest.raises(UserError, match=r"is not in a layout of Real-IAD .*, but in that of mvtec"):
        make_plan(request("realiad", tree, tmp_path / "out"))
    btad = make_lookalike("btad", tmp_path / "btad")
    with pytest.raises(UserError, match=r"is not in a layout of MVTec AD .*, but in that of btad"):
        make_plan(request("mvtec", btad, tmp_path / "out"))
    changed = Path(shutil.copytree(tree, tmp_path / "tree"))
    shutil.rmtree(changed / "cable" / "test" / "broken")
    with pytest.raises(UserError, match="cable has 6 normal training images, 3 normal and 0 def"):
        make_plan(request("mvtec", changed, tmp_path / "out"))


def test_what_would_stop_a_run_late_stops_it_at_once(tree: Path, tmp_path: Path) -> None:
    changed, output = Path(shutil.copytree(tree, tmp_path / "tree")), tmp_path / "out"
    data = request("mvtec", changed, output).data_of("tiny")
    mask = changed / "cable" / "ground_truth" / "broken" / "000_mask.png"
    with Image.open(mask) as image:
        image.resize((16, 16)).save(mask)
    with pytest.raises(UserError, match="mask of 16x16 pixels for an image of 32x32"):
        list_once(data, output)
    mask.write_bytes(b"")
    with pytest.raises(UserError, match=r"000_mask\.png is not a readable image"):
        list_once(data, output)
    (changed / "cable" / "test" / "good" / "001.png").write_bytes(b"junk")
    with pytest.raises(UserError, match=r"001\.png is not a readable image .1 in all.*every image"):
        list_once(data, output)
    assert not output.exists()


def test_seeds_must_be_numbers(rlr: Callable[..., Any], tree: Path) -> None:
    answer = rlr("benchmark", "mvtec", "--root", tree, "--presets", "tiny", "--seeds", "0,a")
    assert answer.status == 2
    assert "--seeds 0,a: write whole numbers" in answer.stderr
