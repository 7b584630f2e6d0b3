"""The canary: a detector that scores as it did is told from one that does not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from rlr.data.manifest import Manifest
from rlr.detection.canary import check_canary, choose_spread, read_canary
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError

ARTIFACTS = Path(__file__).parents[1] / "artifacts"


@pytest.fixture
def model(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "model", tmp_path / "model"))


def sign(model: Path, file: str, section: str, key: str) -> None:
    """Enter the digest of a changed file, as whoever wrote it on purpose would have done."""
    document = json.loads((model / "detector.json").read_text())
    document[section][key] = file_sha256(model / file)
    (model / "detector.json").write_text(json.dumps(document))


def test_a_new_detector_scores_as_it_did(trained: Path) -> None:
    check = check_canary(trained / "model")
    assert (check.checked, check.holds) == (8, True)
    assert check.greatest_difference < 1e-6
    assert "scores as it did on 8 canary images" in check.sentence


def test_the_frozen_canary_still_holds() -> None:
    assert check_canary(ARTIFACTS / "format-3" / "model").holds


def test_other_weights_are_noticed(model: Path) -> None:
    file = model / "network.safetensors"
    weights = load_file(file)
    name = next(name for name in weights if name.endswith("weight"))
    save_file({**weights, name: weights[name] * 1.01}, file)
    sign(model, "network.safetensors", "weights", "network")
    check = check_canary(model)
    assert not check.holds
    assert check.greatest_difference > 1e-4
    assert "does not score as it did" in check.sentence
    assert check_canary(model, tolerance=check.greatest_difference).holds


def test_what_is_not_a_number_does_not_hold(model: Path) -> None:
    file = model / "canary.safetensors"
    stored = load_file(file)
    stored["maps"][0, 0, 0] = np.nan
    save_file(stored, file)
    sign(model, "canary.safetensors", "attachments", "canary")
    assert not check_canary(model, tolerance=1e9).holds


@pytest.mark.parametrize("version", [1, 2])
def test_an_older_artifact_has_none_and_says_so(version: int) -> None:
    check = check_canary(ARTIFACTS / f"format-{version}" / "model")
    assert (check.checked, check.holds) == (0, False)
    assert "carries no canary images" in check.sentence


def test_it_is_made_of_normal_validation_images_of_all_classes(
    trained: Path, small_manifest: Manifest
) -> None:
    from rlr.data.images import read_rgb

    canary = read_canary(trained / "model")
    assert canary is not None
    rows = small_manifest.select("validation")
    pixels = {
        read_rgb(small_manifest.root / path).tobytes(): name
        for path, name in zip(rows["path"], rows["class"], strict=True)
    }
    assert {pixels[image.tobytes()] for image in canary.images} == {"rings", "stripes"}


def test_images_are_spread_over_the_classes_by_hash() -> None:
    classes = ["a"] * 50 + ["b"] * 2 + ["c"]
    hashes = [f"{place * 37 % 53:02d}" for place in range(53)]
    chosen = choose_spread(classes, hashes, 7)
    assert sorted(classes[place] for place in chosen) == ["a"] * 4 + ["b", "b", "c"]
    assert chosen == choose_spread(classes, hashes, 7)
    assert set(chosen) < set(choose_spread(classes, hashes, 8))


def test_a_damaged_canary_is_refused(model: Path) -> None:
    (model / "canary.safetensors").write_bytes(b"no tensors")
    sign(model, "canary.safetensors", "attachments", "canary")
    with pytest.raises(UserError, match=r"canary.safetensors is no canary"):
        check_canary(model)
