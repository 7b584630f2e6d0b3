"""Unjudged images: which are trained on, which a person is to see first, and what is told of it."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from rlr.config import Config, load_config
from rlr.data.manifest import UNREADABLE, Manifest
from rlr.data.review_list import read_list
from rlr.data.splits import in_validation
from rlr.detection.artifact import read_spec
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.training.admission import Champion
from rlr.training.ranking import hold_back
from rlr.training.train import train

ASSUME = ("data.assume_normal=true", "data.validation_fraction=0.3", "training.threads=1")


def settings(*overrides: str) -> Config:
    return load_config("tiny", [*ASSUME, *overrides])


@pytest.fixture(scope="module")
def champion(trained: Path) -> Champion:
    folder = trained / "model"
    return Champion("models:/rlr@champion", "models:/rlr/7", folder, _digest(folder))


@pytest.fixture(scope="module")
def admitted(
    unjudged_manifest: Manifest, champion: Champion, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    output = tmp_path_factory.mktemp("admitted")
    train(settings(), unjudged_manifest, output, champion=champion)
    return output


def read(output: Path, name: str = "admission.json") -> Any:
    return json.loads((output / name).read_text())


def paths(output: Path, name: str) -> list[str]:
    return [row["path"] for row in read_list(output / name)]


def changed(manifest: Manifest, path: str, **values: object) -> Manifest:
    frame = manifest.frame.copy()
    frame.loc[frame["path"] == path, list(values)] = list(values.values())
    return Manifest(frame, manifest.root, manifest.version)


def _digest(folder: Path) -> str:
    return file_sha256(folder / "detector.json")


def test_a_defect_among_the_unjudged_is_held_back(admitted: Path) -> None:
    held = read_list(admitted / "held_back.csv")
    assert [(row["path"], row["reason"]) for row in held] == [
        ("rings/unlabelled/blot.png", "share"),
        ("stripes/unlabelled/blot.png", "share"),
    ]
    used = {row["class"]: float(row["score"]) for row in read_list(admitted / "admitted.csv")[::-1]}
    assert all(float(row["score"]) > used[row["class"]] for row in held)


def test_the_rest_is_trained_on_and_the_documents_say_so(
    admitted: Path, unjudged_manifest: Manifest, small_manifest: Manifest
) -> None:
    document, result = read(admitted), read(admitted, "result.json")
    used = paths(admitted, "admitted.csv")
    unjudged = unjudged_manifest.select("unlabelled")
    waiting = unjudged["group"].map(lambda group: in_validation(group, 0.3))
    assert set(used) | set(paths(admitted, "held_back.csv")) == set(unjudged["path"][~waiting])
    assert waiting.any()
    assert result["images"]["train"] == len(small_manifest.select("train")) + len(used)
    assert result["unjudged"] == {
        "admitted": len(used),
        "held_back": 2,
        "share": 0.05,
        "champion": "models:/rlr/7",
        "champion_sha256": document["champion_sha256"],
    }
    assert document["unjudged"] == len(unjudged)
    assert document["left_out"] == int(waiting.sum())
    rings = document["classes"]["rings"]
    assert rings["known"]
    assert rings["threshold_score"] == float(read_list(admitted / "held_back.csv")[0]["score"])
    spec = read_spec(admitted / "model")
    assert spec.origin.unjudged is not None
    assert spec.origin.unjudged.model_dump(mode="json") == result["unjudged"]
    assert spec.origin.manifest_sha256 == unjudged_manifest.digest


def test_unjudged_images_set_no_threshold(admitted: Path, unjudged_manifest: Manifest) -> None:
    validation = unjudged_manifest.select("validation").groupby("class").size()
    thresholds = read(admitted, "result.json")["thresholds"]["per_class"]
    assert {name: value["class_n"] for name, value in thresholds.items()} == dict(validation)


def test_the_same_champion_data_and_seed_give_the_same_weights(
    admitted: Path, unjudged_manifest: Manifest, champion: Champion, tmp_path: Path
) -> None:
    again = train(settings(), unjudged_manifest, tmp_path, champion=champion)
    first = read(admitted, "result.json")
    assert again["network_sha256"] == first["network_sha256"]
    for name in ("admission.json", "admitted.csv", "held_back.csv"):
        assert (tmp_path / name).read_bytes() == (admitted / name).read_bytes()
    without = train(settings("data.assume_normal=false"), unjudged_manifest, tmp_path)
    assert without["network_sha256"] != first["network_sha256"]
    assert without["unjudged"] is None
    assert not list(tmp_path.glob("*.csv"))
    assert not (tmp_path / "admission.json").exists()


def test_a_tested_image_or_part_is_not_admitted(
    unjudged_manifest: Manifest, champion: Champion, tmp_path: Path
) -> None:
    """One unjudged image shows a part that is in test, another one is a file of test."""
    free = paths_of_free(unjudged_manifest)
    tested = unjudged_manifest.select("test").iloc[0]
    manifest = changed(unjudged_manifest, free[0], group=tested["group"])
    manifest = changed(manifest, free[1], sha256=tested["sha256"])
    manifest = changed(manifest, free[2], mode=UNREADABLE, width=0, height=0)
    train(settings("training.epochs=1"), manifest, tmp_path, champion=champion)
    seen = {*paths(tmp_path, "admitted.csv"), *paths(tmp_path, "held_back.csv")}
    assert seen == set(free[3:])


def paths_of_free(manifest: Manifest) -> list[str]:
    rows = manifest.select("unlabelled")
    return list(rows["path"][~rows["group"].map(lambda group: in_validation(group, 0.3))])


def test_a_file_that_cannot_be_decoded_is_left_out(
    unjudged_manifest: Manifest,
    champion: Champion,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    root = Path(shutil.copytree(unjudged_manifest.root, tmp_path / "set"))
    manifest = Manifest(unjudged_manifest.frame, root, unjudged_manifest.version)
    damaged = paths_of_free(manifest)[0]
    (root / damaged).write_bytes((root / damaged).read_bytes()[:200])
    train(settings("training.epochs=1"), manifest, tmp_path / "out", champion=champion)
    document = read(tmp_path / "out")
    assert document["undecodable"] == 1
    assert damaged not in paths(tmp_path / "out", "admitted.csv")
    assert damaged not in paths(tmp_path / "out", "held_back.csv")
    assert f"{damaged} cannot be decoded" in caplog.text


def test_a_class_unknown_to_the_champion_is_held_back_whole(
    unjudged_manifest: Manifest, small_manifest: Manifest, tmp_path: Path
) -> None:
    frame = small_manifest.frame
    only = Manifest(frame[frame["class"] == "rings"], small_manifest.root, small_manifest.version)
    train(load_config("tiny"), only, tmp_path / "narrow")
    folder = tmp_path / "narrow" / "model"
    narrow = Champion("c", "c", folder, _digest(folder))
    train(settings(), unjudged_manifest, tmp_path / "out", champion=narrow)
    facts = read(tmp_path / "out")["classes"]
    assert not facts["stripes"]["known"]
    assert facts["stripes"]["admitted"] == 0
    assert facts["rings"]["admitted"] > 0
    reasons = {row["class"]: row["reason"] for row in read_list(tmp_path / "out" / "held_back.csv")}
    assert reasons == {"rings": "share", "stripes": "unknown class"}


def test_without_a_champion_only_a_share_of_zero_is_taken(
    unjudged_manifest: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=r"no champion has looked at them; .*rlr data label"):
        train(settings(), unjudged_manifest, tmp_path)
    assert not list(tmp_path.iterdir())
    result = train(settings("data.review_share=0"), unjudged_manifest, tmp_path)
    assert result["unjudged"]["admitted"] == len(paths_of_free(unjudged_manifest))
    assert (result["unjudged"]["held_back"], result["unjudged"]["champion"]) == (0, None)
    assert {row["score"] for row in read_list(tmp_path / "admitted.csv")} == {""}


def test_a_resumed_training_keeps_what_was_decided(
    admitted: Path, unjudged_manifest: Manifest, champion: Champion, tmp_path: Path
) -> None:
    """Another model became the champion while the training was dead."""

    class KilledError(Exception):
        pass

    def die(_: object) -> None:
        raise KilledError

    with pytest.raises(KilledError):
        train(settings(), unjudged_manifest, tmp_path, die, champion)
    newer = Champion(champion.reference, "models:/rlr/8", admitted / "model", "0" * 64)
    result = train(settings(), unjudged_manifest, tmp_path, champion=newer)
    assert result["unjudged"]["champion"] == "models:/rlr/7"
    assert result["network_sha256"] == read(admitted, "result.json")["network_sha256"]
    later = train(settings(), unjudged_manifest, tmp_path, champion=newer)
    assert later["unjudged"]["champion"] == "models:/rlr/8"


@pytest.mark.parametrize(
    ("share", "count"), [(0.0, 0), (0.01, 1), (0.05, 1), (0.07, 7), (0.5, 50), (1.0, 100)]
)
def test_the_share_is_rounded_up(share: float, count: int) -> None:
    size = 100 if share != 0.05 else 20
    held = hold_back(["a"] * size, np.arange(size, dtype=float), share, ["a"])
    assert held.sum() == count
    assert held[size - count :].all()


def test_ties_are_held_back_together_and_classes_apart() -> None:
    scores = np.array([1.0, 5.0, 5.0, 5.0, 100.0, 300.0, 200.0, np.nan])
    held = hold_back(list("aaaabbbb"), scores, 0.3, ["a", "b"])
    assert held.tolist() == [False, True, True, True, False, True, False, False]


def test_ranking_against_the_obvious_way() -> None:
    draws = np.random.default_rng(0)
    classes = draws.choice(list("abc"), 200)
    scores = draws.integers(0, 40, 200).astype(float)
    held = hold_back(list(classes), scores, 0.1, ["a", "b"])
    table = pd.DataFrame({"class": classes, "score": scores, "held": held})
    for name, rows in table.groupby("class"):
        above = rows["score"].map(lambda score, rows=rows: (rows["score"] > score).sum())
        expected = above < np.ceil(len(rows) * 0.1) if name != "c" else above >= 0
        assert (rows["held"] == expected).all(), name
