"""The validation split never moves, and test images choose nothing."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.manifest import Manifest, make_frame, write_manifest
from rlr.data.splits import calibratable, carve_validation, in_validation, refuse_tested, trainable
from rlr.foundation.errors import UserError

VERSION = "0" * 32 + ".dir"
Paint = Callable[..., Path]


def make_row(path: str, **values: object) -> dict[str, object]:
    base = {
        "path": path,
        "class": "bolt",
        "split": "train",
        "label": "good",
        "width": 8,
        "height": 8,
        "mode": "L",
        "bytes": 1,
        "sha256": f"sha-{path}",
        "group": f"sha-{path}",
    }
    return base | values


def make_manifest(*rows: dict[str, object]) -> Manifest:
    return Manifest(make_frame(rows), Path("root"), VERSION)


def splits(manifest: Manifest) -> dict[str, str]:
    return dict(zip(manifest.frame["path"], manifest.frame["split"], strict=True))


def test_adding_images_moves_no_image(mvtec: Path, paint: Paint) -> None:
    for number in range(60):
        paint(mvtec / "bolt" / "train" / "good" / f"old-{number}.png")
    config = DataConfig(root=str(mvtec), validation_fraction=0.3)
    before = splits(index_images(config, version=VERSION))
    for number in range(60):
        paint(mvtec / "bolt" / "train" / "good" / f"new-{number}.png")
    paint(mvtec / "another" / "train" / "good" / "0.png")
    after = splits(index_images(config, version=VERSION))
    assert len(after) == len(before) + 61
    assert {path: after[path] for path in before} == before
    assert set(before.values()) == {"train", "validation", "test"}


def test_the_share_is_met_on_average_and_grows_one_way() -> None:
    groups = [f"part-{number}" for number in range(20_000)]
    small = {group for group in groups if in_validation(group, 0.15)}
    large = {group for group in groups if in_validation(group, 0.3)}
    assert len(small) / len(groups) == pytest.approx(0.15, abs=0.01)
    assert len(large) / len(groups) == pytest.approx(0.30, abs=0.01)
    assert small < large
    assert not any(in_validation(group, 0.0) for group in groups)


def test_the_hash_is_the_same_for_ever() -> None:
    # Frozen: another rule would move images of data sets that are in use.
    chosen = [number for number in range(40) if in_validation(f"part-{number}", 0.15)]
    assert chosen == [1, 7, 11, 14, 27, 30, 31, 39]


def test_only_normal_training_images_are_carved_and_groups_stay_whole() -> None:
    group = next(f"g{n}" for n in range(1000) if in_validation(f"g{n}", 0.2))
    frame = make_frame(
        [
            make_row("a", group=group),
            make_row("b", group=group),
            make_row("c", group=group, label="crack"),
            make_row("d", group=group, split="test"),
            make_row("e", group=group, split="unlabelled", label=None),
        ]
    )
    carved = carve_validation(frame, 0.2)
    assert list(carved["split"]) == ["validation", "validation", "train", "test", "unlabelled"]
    assert list(frame["split"]) == ["train", "train", "train", "test", "unlabelled"]


def test_a_class_with_its_own_validation_keeps_it() -> None:
    rows = [make_row(f"{n}") for n in range(50)]
    other = [make_row(f"x{n}", **{"class": "nut"}) for n in range(50)]
    frame = make_frame([*rows, *other, make_row("own", split="validation")])
    carved = carve_validation(frame, 0.5)
    assert list(carved.loc[carved["split"] == "validation", "class"]).count("bolt") == 1
    assert 10 < list(carved.loc[carved["split"] == "validation", "class"]).count("nut") < 40


def test_what_is_in_test_chooses_nothing() -> None:
    manifest = make_manifest(
        make_row("train/fine"),
        make_row("train/copy", sha256="tested"),
        make_row("train/same-part", group="part-1"),
        make_row("train/defective", label="crack"),
        make_row("train/broken", mode="unreadable"),
        make_row("validation/fine", split="validation"),
        make_row("validation/copy", split="validation", sha256="tested"),
        make_row("unlabelled/new", split="unlabelled", label=None),
        make_row("test/copy", split="test", sha256="tested"),
        make_row("test/part", split="test", label="crack", group="part-1"),
    )
    assert list(trainable(manifest)["path"]) == ["train/fine"]
    assert list(calibratable(manifest)["path"]) == ["validation/fine"]
    # The rows themselves stay, for validation to name them.
    assert splits(manifest)["train/copy"] == "train"


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("shared", [{"sha256": "tested"}, {"group": "part-1"}])
def test_what_was_in_test_before_is_refused(split: str, shared: dict[str, object]) -> None:
    previous = make_manifest(
        make_row("old/name", split="test", sha256="tested", group="part-1"),
        make_row("old/trained", sha256="trained"),
    )
    fine = make_row("fine", sha256="trained")
    with pytest.raises(UserError, match=r"in test in the previous manifest .*: new/name;"):
        refuse_tested(make_frame([fine, make_row("new/name", split=split, **shared)]), previous)
    refuse_tested(make_frame([fine, make_row("new/name", split="test", **shared)]), previous)


def test_the_index_asks_the_previous_manifest(mvtec: Path, tmp_path: Path) -> None:
    config = DataConfig(root=str(mvtec))
    write_manifest(index_images(config, version=VERSION), tmp_path / "before.parquet")
    (mvtec / "bolt/test/good/000.png").rename(mvtec / "bolt/train/good/moved.png")
    again = DataConfig(root=str(mvtec), previous_manifest=str(tmp_path / "before.parquet"))
    with pytest.raises(UserError, match=r"bolt/train/good/moved\.png"):
        index_images(again, version=VERSION)
    missing = DataConfig(root=str(mvtec), previous_manifest=str(tmp_path / "none.parquet"))
    with pytest.raises(UserError, match=r"none\.parquet is missing"):
        index_images(missing, version=VERSION)
