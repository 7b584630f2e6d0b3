"""Every layout on small trees, and the sentences where a tree is wrong."""

import logging
from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.data.layouts import Entry, open_layout
from rlr.foundation.errors import UserError

Paint = Callable[..., Path]


def entries(root: Path, layout: str = "auto", single: str | None = None) -> dict[str, Entry]:
    opened = open_layout(root, layout, single)
    found = [entry for name in opened.class_names for entry in opened.entries(name)]
    assert len({entry.path for entry in found}) == len(found)
    return {entry.path: entry for entry in found}


def test_mvtec_tree(mvtec: Path) -> None:
    found = entries(mvtec)
    assert len(found) == 16
    assert found["bolt/train/good/000.png"] == Entry(
        "bolt/train/good/000.png", "bolt", "train", "good"
    )
    assert found["bolt/test/crack/000.png"] == Entry(
        "bolt/test/crack/000.png",
        "bolt",
        "test",
        "crack",
        ("bolt/ground_truth/crack/000_mask.png",),
    )
    assert found["tile/test/crack/000.png"].masks == ()
    assert found["tile/test/good/000.png"].label == "good"


def test_mvtec_single_class_takes_the_name_it_is_given(mvtec: Path) -> None:
    assert {entry.class_name for entry in entries(mvtec / "bolt").values()} == {"bolt"}
    found = entries(mvtec / "bolt", single="screw")
    assert found["test/crack/000.png"] == Entry(
        "test/crack/000.png", "screw", "test", "crack", ("ground_truth/crack/000_mask.png",)
    )


@pytest.mark.parametrize(
    "masks",
    [
        ("000.png",),
        ("000_mask.png",),
        ("000_mask.png", "000_mask_1.png", "000_mask_2.png"),
        ("000/000.png", "000/001.png"),
    ],
)
def test_masks_are_found_by_every_public_convention(
    mvtec: Path, paint: Paint, masks: tuple[str, ...]
) -> None:
    truth = mvtec / "tile" / "ground_truth" / "crack"
    for mask in masks:
        paint(truth / mask, mode="L")
    paint(mvtec / "tile" / "test" / "crack" / "0001.png")  # begins like 000, and is another image
    found = entries(mvtec)
    wanted = tuple(f"tile/ground_truth/crack/{mask}" for mask in masks)
    assert found["tile/test/crack/000.png"].masks == wanted
    assert found["tile/test/crack/0001.png"].masks == ()


def test_a_mask_of_another_defect_type_is_not_taken(mvtec: Path, paint: Paint) -> None:
    paint(mvtec / "bolt" / "test" / "bent" / "000.png")
    assert entries(mvtec)["bolt/test/bent/000.png"].masks == ()


def test_mvtec_validation_and_unlabelled(mvtec: Path, paint: Paint) -> None:
    paint(mvtec / "bolt" / "validation" / "good" / "000.png")
    paint(mvtec / "bolt" / "unlabelled" / "new.jpg")
    found = entries(mvtec)
    assert found["bolt/validation/good/000.png"].split == "validation"
    assert found["bolt/unlabelled/new.jpg"] == Entry(
        "bolt/unlabelled/new.jpg", "bolt", "unlabelled", None
    )


def test_a_set_that_nobody_has_judged(tmp_path: Path, paint: Paint) -> None:
    for name in ("bolt", "nut"):
        paint(tmp_path / "set" / name / "unlabelled" / "0.png")
    layout = open_layout(tmp_path / "set")
    assert layout.class_names == ["bolt", "nut"]
    (entry,) = layout.entries("nut")
    assert (entry.path, entry.split, entry.label) == ("nut/unlabelled/0.png", "unlabelled", None)
    paint(tmp_path / "set" / "bolt" / "0.png")  # a plain folder, as before
    assert {each.split for each in open_layout(tmp_path / "set").entries("bolt")} == {
        "train",
        "unlabelled",
    }


def test_hidden_and_other_files_are_no_images(mvtec: Path) -> None:
    (mvtec / "bolt" / "train" / "good" / "._000.png").write_bytes(b"junk")
    (mvtec / "bolt" / "readme.txt").write_text("hello")
    (mvtec / "licence.txt").write_text("hello")
    (mvtec / ".cache").mkdir()
    assert len(entries(mvtec)) == 16


def test_strange_folders_and_orphaned_masks_are_told(
    mvtec: Path, paint: Paint, caplog: pytest.LogCaptureFixture
) -> None:
    paint(mvtec / "bolt" / "raw" / "000.png")
    paint(mvtec / "bolt" / "ground_truth" / "crack" / "007_mask.png", mode="L")
    with caplog.at_level(logging.WARNING):
        assert len(entries(mvtec)) == 16
    assert "bolt/raw is no folder of the MVTec layout" in caplog.text
    assert "1 masks belong to no image" in caplog.text
    assert "007_mask.png" in caplog.text


def test_images_outside_of_a_label_are_refused(mvtec: Path, paint: Paint) -> None:
    stray = paint(mvtec / "bolt" / "test" / "005.png")
    with pytest.raises(UserError, match=r"test/005\.png lies where nothing tells its label"):
        entries(mvtec)
    stray.unlink()
    paint(mvtec / "bolt" / "005.png")
    with pytest.raises(UserError, match=r"bolt/005\.png lies where nothing tells its label"):
        entries(mvtec)


def test_a_linked_folder_is_refused(mvtec: Path, tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "elsewhere" / "000.png")
    (mvtec / "bolt" / "test" / "bent").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a link to a folder"):
        entries(mvtec)


@pytest.fixture
def plain(tmp_path: Path, paint: Paint) -> Path:
    """Return a tree of plain class folders."""
    root = tmp_path / "plain"
    for name in ("nut", "ring"):
        for index in range(3):
            paint(root / name / f"{index}.JPG")
    paint(root / "nut" / "test" / "good" / "7.png")
    paint(root / "nut" / "test" / "scratch" / "7.png")
    paint(root / "nut" / "test" / "dent" / "8.png")
    paint(root / "nut" / "unlabelled" / "9.png")
    return root


def test_plain_folders(plain: Path, paint: Paint) -> None:
    paint(plain / "nut" / "masks" / "scratch" / "7.png", mode="L")
    found = entries(plain)
    assert len(found) == 10
    assert found["nut/0.JPG"] == Entry("nut/0.JPG", "nut", "train", "good")
    assert found["nut/test/scratch/7.png"].masks == ("nut/masks/scratch/7.png",)
    assert found["nut/test/good/7.png"].masks == ()
    assert found["nut/unlabelled/9.png"] == Entry("nut/unlabelled/9.png", "nut", "unlabelled", None)


@pytest.mark.parametrize("folder", ["masks", "ground_truth"])
def test_masks_directly_in_their_folder(plain: Path, paint: Paint, folder: str) -> None:
    paint(plain / "nut" / folder / "7_mask.png", mode="L")
    found = entries(plain)
    assert found["nut/test/scratch/7.png"].masks == (f"nut/{folder}/7_mask.png",)
    assert found["nut/test/good/7.png"].masks == ()
    paint(plain / "nut" / "test" / "dent" / "7.png")
    with pytest.raises(UserError, match=r"7_mask\.png may be the mask of .*dent.* or of .*scratch"):
        entries(plain)


def test_two_mask_folders_are_refused(plain: Path) -> None:
    (plain / "nut" / "masks").mkdir()
    (plain / "nut" / "ground_truth").mkdir()
    with pytest.raises(UserError, match="both masks/ and ground_truth/"):
        entries(plain)


def test_a_plain_folder_may_be_a_single_class(plain: Path) -> None:
    found = entries(plain / "ring")
    assert {(entry.path, entry.class_name) for entry in found.values()} == {
        (f"{index}.JPG", "ring") for index in range(3)
    }


def test_images_beside_class_folders_are_refused(plain: Path, paint: Paint) -> None:
    paint(plain / "overview.png")
    with pytest.raises(UserError, match="images of its own and a class folder nut"):
        entries(plain)


VISA_HEADER = "object,split,label,image,mask\n"


@pytest.fixture
def visa(tmp_path: Path, paint: Paint) -> Path:
    """Return a tree as VisA's archive unpacks."""
    root = tmp_path / "VisA"
    images, masks = "Data/Images", "Data/Masks/Anomaly"
    lines = []
    for name in ("candle", "pcb1"):
        for index, split in enumerate(["train", "train", "test"]):
            path = f"{name}/{images}/Normal/{index:04d}.JPG"
            lines.append(f"{name},{split},normal,{path},")
            paint(root / path)
        for index in range(2):
            path = f"{name}/{images}/Anomaly/{index:03d}.JPG"
            mask = f"{name}/{masks}/{index:03d}.png"
            lines.append(f"{name},test,anomaly,{path},{mask}")
            paint(root / path)
            paint(root / mask, mode="L")
    (root / "pcb1" / "image_anno.csv").write_text(
        "image,label,mask\n"
        f"pcb1/{images}/Normal/0000.JPG,normal,\n"
        f'pcb1/{images}/Anomaly/000.JPG,"bent, melt",pcb1/{masks}/000.png\n'
    )
    (root / "split_csv").mkdir()
    (root / "split_csv" / "1cls.csv").write_text(VISA_HEADER + "\n".join(lines) + "\n")
    return root


def test_visa_tree(visa: Path) -> None:
    found = entries(visa)
    assert len(found) == 10
    assert found["candle/Data/Images/Normal/0000.JPG"] == Entry(
        "candle/Data/Images/Normal/0000.JPG", "candle", "train", "good"
    )
    assert found["candle/Data/Images/Anomaly/000.JPG"] == Entry(
        "candle/Data/Images/Anomaly/000.JPG",
        "candle",
        "test",
        "anomaly",
        ("candle/Data/Masks/Anomaly/000.png",),
    )
    assert found["pcb1/Data/Images/Anomaly/000.JPG"].label == "bent+melt"
    assert found["pcb1/Data/Images/Anomaly/001.JPG"].label == "anomaly"


def test_visa_names_the_row_of_a_missing_file(visa: Path) -> None:
    (visa / "candle" / "Data" / "Images" / "Normal" / "0001.JPG").unlink()
    with pytest.raises(UserError, match=r"1cls\.csv, line 3: image candle/.*0001\.JPG is missing"):
        entries(visa)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("candle,dev,normal,a.jpg,", "line 2: split 'dev' is neither train nor test"),
        ("candle,train,fine,a.jpg,", "line 2: label 'fine' is neither normal nor anomaly"),
        ("candle,train,normal,../a.jpg,", r"line 2: \.\./a\.jpg is not a path inside"),
        ("candle,train,normal,,", r"line 2: image \(empty\) is missing"),
        ("candle,train,normal", r"line 2: image \(empty\) is missing"),
    ],
)
def test_visa_names_a_wrong_row(visa: Path, row: str, sentence: str) -> None:
    (visa / "split_csv" / "1cls.csv").write_text(f"{VISA_HEADER}{row}\npcb1,,,,\n")
    with pytest.raises(UserError, match=sentence):
        entries(visa)


def test_visa_needs_its_csv_and_columns(visa: Path) -> None:
    file = visa / "split_csv" / "1cls.csv"
    file.write_text("object,split,image\n")
    with pytest.raises(UserError, match="line 1: no column label, mask"):
        entries(visa)
    file.write_text(VISA_HEADER + "pcb1,train,normal,x.jpg,\n")
    with pytest.raises(UserError, match="has no row of the class candle"):
        entries(visa)
    file.write_bytes(b"object,\xff\n")
    with pytest.raises(UserError, match="cannot be read as CSV"):
        entries(visa)
    file.unlink()
    with pytest.raises(UserError, match=r"1cls\.csv is missing"):
        entries(visa)


def test_what_is_no_data_set_is_told(tmp_path: Path, paint: Paint) -> None:
    with pytest.raises(UserError, match=r"data folder .*nowhere is missing"):
        open_layout(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="holds no images"):
        open_layout(tmp_path / "empty")
    paint(tmp_path / "deep" / "a" / "b" / "c" / "0.png")
    with pytest.raises(UserError, match=r"no known layout .looked for VisA.*MVTec AD.*plain"):
        open_layout(tmp_path / "deep")
