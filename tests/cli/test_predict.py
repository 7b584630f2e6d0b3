"""`rlr predict`: scores, decisions and heat maps of files and folders."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rlr.data.manifest import Manifest


def test_json_of_a_folder(rlr, trained: Path, small_manifest: Manifest, tmp_path: Path) -> None:
    folder = small_manifest.root / "rings" / "test"
    answer = rlr("predict", trained / "model", folder, "--json", "--heatmaps", tmp_path / "maps")
    assert answer.status == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["schema_version"] == 1
    assert len(document["predictions"]) == 10
    for row in document["predictions"]:
        assert row["is_anomalous"] == (row["image_score"] > row["threshold"])
        original = Image.open(row["path"])
        assert Image.open(row["heatmap"]).size == original.size
    maps = {path.relative_to(tmp_path / "maps") for path in (tmp_path / "maps").rglob("*.png")}
    assert Path("blot/000.png") in maps
    assert Path("good/000.png") in maps  # of the same name, yet not one over the other


def test_good_parts_stay_as_they_are_and_defects_are_painted(
    rlr, trained: Path, small_manifest: Manifest, tmp_path: Path
) -> None:
    """At the threshold the colour turns: an image far below it is not touched."""
    image = small_manifest.root / "rings" / "test" / "blot" / "000.png"
    rates = {"never": "1.0e-9", "often": "0.9"}
    changed = {}
    for name, rate in rates.items():
        rlr(
            "predict",
            trained,
            image,
            "--heatmaps",
            tmp_path / name,
            "--set",
            f"threshold.false_positive_rate={rate}",
        )
        painted = np.asarray(Image.open(tmp_path / name / "000.png")).astype(int)
        changed[name] = np.abs(painted - np.asarray(Image.open(image))).mean()
    assert changed["never"] <= changed["often"]
    assert changed["often"] > 1.0


def test_class_chooses_the_threshold(rlr, trained: Path, small_manifest: Manifest) -> None:
    image = small_manifest.root / "rings" / "test" / "good" / "000.png"
    found = {}
    for words in (("--class", "rings"), ("--class", "stripes")):
        document = json.loads(rlr("predict", trained, image, "--json", *words).stdout)
        found[words] = document["threshold"]["value"]
    assert len(set(found.values())) == 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("MODEL", "nowhere.png"), "nowhere.png is missing"),
        (("MODEL", "EMPTY"), "holds no image"),
        (("MODEL", "BROKEN"), "is not a readable image"),
        (("EMPTY", "IMAGE"), "model"),
        (("MODEL", "IMAGE", "--class", "bolt"), "does not know the class 'bolt'"),
        (("MODEL", "IMAGE", "--set", "threshold.rate=1"), "unknown key"),
    ],
)
def test_bad_input_is_one_sentence(
    rlr, trained: Path, small_manifest: Manifest, tmp_path: Path, words, sentence: str
) -> None:
    empty, broken = tmp_path / "empty", tmp_path / "broken.png"
    empty.mkdir()
    broken.write_bytes(b"no image")
    places = {
        "MODEL": trained / "model",
        "IMAGE": small_manifest.root / "rings" / "test" / "good" / "000.png",
        "EMPTY": empty,
        "BROKEN": broken,
    }
    answer = rlr("predict", *(places.get(word, word) for word in words))
    assert answer.status == 2
    assert sentence in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1
    assert answer.stdout == ""
