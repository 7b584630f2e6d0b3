"""From a folder to a manifest: what is read, what is refused."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.manifest import Manifest, read_manifest, write_manifest
from rlr.data.masks import read_mask
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError

Paint = Callable[..., Path]
FindRow = Callable[[Manifest, str], dict[str, object]]
VERSION = "0" * 32 + ".dir"


def index(root: Path, **settings: object) -> Manifest:
    return index_images(DataConfig(root=str(root), **settings), version=VERSION)  # type: ignore[arg-type]


def test_a_row_tells_all_of_an_image(mvtec: Path, paint: Paint, row: FindRow) -> None:
    path = paint(mvtec / "bolt" / "test" / "crack" / "001.png", mode="RGBA", size=(20, 10))
    manifest = index(mvtec, source="line 4", licence="CC0-1.0")
    found = row(manifest, "bolt/test/crack/001.png")
    digest = file_sha256(path)
    assert found == {
        "path": "bolt/test/crack/001.png",
        "class": "bolt",
        "split": "test",
        "label": "crack",
        "mask": None,
        "width": 20,
        "height": 10,
        "mode": "RGBA",
        "bytes": path.stat().st_size,
        "sha256": digest,
        "group": digest,
        "captured_at": None,
        "source": "line 4",
        "licence": "CC0-1.0",
    }
    assert manifest.version == VERSION
    assert list(manifest.frame["path"]) == sorted(manifest.frame["path"])


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "I;16"])
def test_every_mode_is_read(mvtec: Path, paint: Paint, row: FindRow, mode: str) -> None:
    paint(mvtec / "bolt" / "test" / "good" / "009.png", mode=mode, size=(33, 17))
    found = row(index(mvtec), "bolt/test/good/009.png")
    assert (found["mode"], found["width"], found["height"]) == (mode, 33, 17)


def test_several_masks_are_one_entry_and_merge(mvtec: Path, row: FindRow) -> None:
    truth = mvtec / "bolt" / "ground_truth" / "crack"
    for position, name in enumerate(["000_mask.png", "000_mask_1.png"]):
        mask = np.zeros((6, 8), np.uint8)
        mask[position, position] = 255
        Image.fromarray(mask).save(truth / name)
    found = row(index(mvtec), "bolt/test/crack/000.png")
    assert found["mask"] == (
        "bolt/ground_truth/crack/000_mask.png|bolt/ground_truth/crack/000_mask_1.png"
    )
    assert np.argwhere(read_mask(mvtec, str(found["mask"]))).tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n broken"])
def test_an_unreadable_image_is_a_row(mvtec: Path, row: FindRow, content: bytes) -> None:
    path = mvtec / "bolt" / "train" / "good" / "000.png"
    path.write_bytes(content)
    found = row(index(mvtec), "bolt/train/good/000.png")
    assert (found["mode"], found["width"], found["height"]) == ("unreadable", 0, 0)
    assert (found["bytes"], found["sha256"]) == (len(content), file_sha256(path))


def test_the_manifest_survives_parquet(mvtec: Path, tmp_path: Path) -> None:
    manifest = index(mvtec, licence="CC0-1.0")
    write_manifest(manifest, tmp_path / "manifest.parquet")
    again = read_manifest(tmp_path / "manifest.parquet", mvtec)
    pd.testing.assert_frame_equal(again.frame, manifest.frame)
    assert (again.version, again.digest) == (manifest.version, manifest.digest)


def test_a_single_class_keeps_its_name_in_a_pulled_copy(mvtec: Path) -> None:
    config = DataConfig(root=str(mvtec / "bolt"))
    copy = mvtec / "bolt"
    elsewhere = mvtec.parent / "0a1b2c"
    copy.rename(elsewhere)
    assert index_images(config, elsewhere, VERSION).classes == ["bolt"]


def test_classes_are_chosen(mvtec: Path) -> None:
    assert index(mvtec).classes == ["bolt", "tile"]
    assert index(mvtec, classes=["tile"]).classes == ["tile"]
    with pytest.raises(UserError, match=r"data\.classes: screw; .* has the classes bolt, tile"):
        index(mvtec, classes=["tile", "screw"])
    with pytest.raises(UserError, match=r"data\.classes: the list is empty"):
        index(mvtec, classes=[])


def test_an_empty_class_is_named_unless_it_is_not_chosen(mvtec: Path) -> None:
    (mvtec / "screw" / "train" / "good").mkdir(parents=True)
    with pytest.raises(UserError, match=r"class screw in .* has no images"):
        index(mvtec)
    assert index(mvtec, classes=["bolt"]).classes == ["bolt"]


def test_names_that_cannot_stand_in_a_manifest_are_refused(mvtec: Path, paint: Paint) -> None:
    odd = paint(mvtec / "bolt" / "train" / "good" / "a|b.png")
    with pytest.raises(UserError, match=r"a\|b\.png: '\|' may not stand in a name"):
        index(mvtec)
    os.rename(odd, os.fsencode(odd.parent) + b"/\xff.png")
    with pytest.raises(UserError, match="no UTF-8 name"):
        index(mvtec)


def test_a_broken_link_is_named(mvtec: Path) -> None:
    (mvtec / "bolt" / "train" / "good" / "link.png").symlink_to("gone.png")
    with pytest.raises(UserError, match=r"link\.png cannot be opened \(No such file"):
        index(mvtec)


def test_an_image_listed_twice_is_refused(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "candle" / "Data" / "Images" / "Normal" / "0.jpg")
    (tmp_path / "split_csv").mkdir()
    line = "candle,{},normal,candle/Data/Images/Normal/0.jpg,\n"
    (tmp_path / "split_csv" / "1cls.csv").write_text(
        "object,split,label,image,mask\n" + line.format("train") + line.format("test")
    )
    with pytest.raises(UserError, match=r"0\.jpg is listed 2 times"):
        index(tmp_path)


def test_groups_by_pattern(mvtec: Path, row: FindRow) -> None:
    manifest = index(mvtec, group_pattern=r"train/good/00(\d)")
    # Part numbers begin anew in every class.
    assert row(manifest, "bolt/train/good/003.png")["group"] == "bolt/3"
    assert row(manifest, "tile/train/good/003.png")["group"] == "tile/3"
    alone = row(manifest, "tile/test/good/000.png")
    assert alone["group"] == alone["sha256"]


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [("(", "no regular expression"), (r"\d+", "has no group"), ("(x{9})", "fits no image")],
)
def test_wrong_patterns(mvtec: Path, pattern: str, sentence: str) -> None:
    with pytest.raises(UserError, match=f"group_pattern .* {sentence}"):
        index(mvtec, group_pattern=pattern)


def test_groups_by_csv_go_before_the_pattern(mvtec: Path, tmp_path: Path, row: FindRow) -> None:
    file = tmp_path / "groups.csv"
    file.write_text("\ufeffpath,group\nbolt/train/good/000.png,P-17\n", encoding="utf-8")
    manifest = index(mvtec, group_csv=str(file), group_pattern=r"(\d+)\.png")
    assert row(manifest, "bolt/train/good/000.png")["group"] == "P-17"
    assert row(manifest, "bolt/train/good/001.png")["group"] == "bolt/001"


def test_a_csv_in_the_data_folder_is_found(mvtec: Path, row: FindRow) -> None:
    (mvtec / "groups.csv").write_text("path,group\nbolt/train/good/000.png,P-17\n")
    manifest = index(mvtec, group_csv="groups.csv", classes=["bolt"])
    assert row(manifest, "bolt/train/good/000.png")["group"] == "P-17"


def test_csvs_that_travel_are_read_unless_others_are_named(
    mvtec: Path, tmp_path: Path, row: FindRow
) -> None:
    path = "bolt/train/good/000.png"
    (mvtec / "group.csv").write_text(f"path,group\n{path},part 7\n")
    (mvtec / "capture.csv").write_text(f"path,source\n{path},camera 3\n")
    found = row(index(mvtec), path)
    assert (found["group"], found["source"]) == ("part 7", "camera 3")
    (tmp_path / "other.csv").write_text(f"path,source\n{path},camera 4\n")
    found = row(index(mvtec, capture_csv=str(tmp_path / "other.csv")), path)
    assert (found["group"], found["source"]) == ("part 7", "camera 4")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "path,group\nbolt/train/good/000.png,a\nbolt/x.png,b\n",
            r"line 3: bolt/x\.png is no file",
        ),
        ("path,group\nbolt/train/good/000.png,\n", "line 2: the group of .* is empty"),
        ("path,group\n,b\n", r"line 2: \(empty path\) is no file"),
        ("path,part\n", "line 1: no column group"),
        (
            "path,group\nbolt/train/good/000.png,a\nbolt/train/good/000.png,b\n",
            "line 3: bolt/train/good/000.png was named before",
        ),
    ],
)
def test_a_wrong_csv_row_is_named(mvtec: Path, tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "groups.csv").write_text(text)
    with pytest.raises(UserError, match=rf"groups\.csv, {sentence}"):
        index(mvtec, group_csv=str(tmp_path / "groups.csv"))


def test_rows_of_classes_that_are_not_chosen_are_passed_by(mvtec: Path, tmp_path: Path) -> None:
    (tmp_path / "groups.csv").write_text("path,group\ntile/train/good/000.png,a\n")
    assert index(mvtec, group_csv=str(tmp_path / "groups.csv"), classes=["bolt"]).classes


def test_a_missing_csv_is_named(mvtec: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.csv is missing"):
        index(mvtec, group_csv="nowhere.csv")


def test_notes_by_csv_override_the_configuration(mvtec: Path, tmp_path: Path, row: FindRow) -> None:
    file = tmp_path / "capture.csv"
    file.write_text("path,captured_at,source\nbolt/train/good/000.png,2026-01-31T08:00:00Z,cam 2\n")
    manifest = index(mvtec, capture_csv=str(file), source="cam 1", licence="in-house")
    noted = row(manifest, "bolt/train/good/000.png")
    assert noted["captured_at"] == "2026-01-31T08:00:00Z"
    assert (noted["source"], noted["licence"]) == ("cam 2", "in-house")
    plain = row(manifest, "bolt/train/good/001.png")
    assert (plain["captured_at"], plain["source"]) == (None, "cam 1")
    file.write_text("path,captured_at\nbolt/train/good/000.png,31.1.2026\n")
    with pytest.raises(UserError, match=r"line 2: captured_at '31\.1\.2026' is not ISO 8601"):
        index(mvtec, capture_csv=str(file))


@pytest.mark.parametrize("workers", [1, 8])
def test_the_number_of_threads_changes_nothing(mvtec: Path, workers: int) -> None:
    assert index(mvtec, workers=workers).digest == index(mvtec).digest


def test_real_images(shared: Path) -> None:
    manifest = index(shared / "assets" / "datasets", validation_fraction=0.0)
    frame = manifest.frame
    defective = frame["label"] != "good"
    counts = {
        name: (
            int((rows["split"] == "train").sum()),
            int(((rows["split"] == "test") & ~defective).sum()),
            int(defective[rows.index].sum()),
            int(rows["mask"].notna().sum()),
        )
        for name, rows in frame.groupby("class")
    }
    assert counts == {
        "bottle": (189, 25, 63, 0),
        "cookie": (31, 14, 32, 32),
        "kolektorsdd_half": (348, 206, 65, 65),
        "magnetic_tile": (322, 130, 239, 239),
    }
    assert set(frame["mode"]) <= {"RGB", "L"}
    assert len(set(zip(frame["width"], frame["height"], strict=True))) > 100
