"""The yardstick: it finds an obvious defect, and its banks are what they should be."""

import json
import shutil
from pathlib import Path

import detection
import numpy as np
import pytest
from quality.patchcore import Settings, choose


@pytest.mark.parametrize("banks", ["class", "all"])
def test_an_obvious_defect_is_found(half_masked: Path, tmp_path: Path, banks: str) -> None:
    out = tmp_path / "patchcore.json"
    asked = ["patchcore", "--config", "tiny", "--root", str(half_masked), "--out", str(out)]
    asked += ["--ledger", str(tmp_path / "openings.json"), "--threads", "1", "--banks", banks]
    asked += ["--patches", "400"]
    assert detection.main([*asked, "--seeds", "0"]) == 0
    document = json.loads(out.read_text())
    (record,) = document["records"]
    assert record["metrics"]["mean"]["image_auroc"] > 0.95
    assert record["metrics"]["mean"]["pixel_auroc"] > 0.9
    assert record["cpu_seconds"]["training"] == 0
    (opening,) = json.loads((tmp_path / "openings.json").read_text())["openings"]
    assert opening["why"] == "PatchCore: the yardstick"
    assert opening["configuration"] == "patchcore tiny"


def test_another_seed_draws_other_patches_and_the_same_one_the_same() -> None:
    patches = np.random.default_rng(0).random((500, 8)).astype(np.float32)
    drawn = [choose(patches, Settings(patches=50), np.random.default_rng(n)) for n in (0, 0, 1)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    assert len(set(drawn[0].tolist())) == 50
    assert not np.array_equal(drawn[0], drawn[2])


def test_a_greedy_subset_covers_what_is_rare() -> None:
    draws = np.random.default_rng(0)
    common = draws.normal(0.0, 0.01, (990, 8))
    rare = draws.normal(0.0, 0.01, (10, 8)) + np.arange(1, 11)[:, None] * 10.0
    patches = np.concatenate([common, rare]).astype(np.float32)
    kept = choose(patches, Settings(patches=11, subset="greedy"), np.random.default_rng(0))
    assert set(range(990, 1000)) < set(kept.tolist())


def test_few_patches_are_all_kept() -> None:
    patches = np.zeros((7, 3), np.float32)
    kept = choose(patches, Settings(patches=8), np.random.default_rng(0))
    np.testing.assert_array_equal(kept, np.arange(7))


def test_a_class_without_training_images_has_no_bank(
    half_masked: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = Path(shutil.copytree(half_masked, tmp_path / "set"))
    shutil.rmtree(root / "rings" / "train")
    asked = ["patchcore", "--config", "tiny", "--root", str(root), "--seeds", "0"]
    asked += ["--ledger", str(tmp_path / "openings.json"), "--out", str(tmp_path / "p.json")]
    assert detection.main(asked) == 2
    assert "The class rings has test images and no training image" in capsys.readouterr().err
    assert not (tmp_path / "openings.json").exists()
