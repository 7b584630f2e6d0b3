"""The official layouts of public sets, as their archives unpack."""

import json
from pathlib import Path

import pytest
from fixtures.lookalikes import DEFECTIVE, GOOD, TRAIN, make_lookalike

from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.layouts import Entry, open_layout
from rlr.data.masks import read_mask
from rlr.foundation.errors import UserError


def entries(root: Path, layout: str = "auto", single: str | None = None) -> dict[str, Entry]:
    opened = open_layout(root, layout, single)
    found = [entry for name in opened.class_names for entry in opened.entries(name)]
    assert len({entry.path for entry in found}) == len(found)
    return {entry.path: entry for entry in found}


@pytest.mark.parametrize("dataset", ["mvtec", "visa", "mpdd", "btad", "realiad"])
def test_a_manifest_of_each_set(dataset: str, tmp_path: Path) -> None:
    root = make_lookalike(dataset, tmp_path / dataset)
    frame = index_images(DataConfig(validation_fraction=0.0), root).frame
    counts = frame.groupby(["class", "split", frame["label"] == "good"]).size()
    wanted = {("train", True): TRAIN, ("test", True): GOOD, ("test", False): DEFECTIVE}
    if dataset == "realiad":
        wanted = {("train", True): 6, ("test", True): 4, ("test", False): 3}
    for name in frame["class"].unique():
        assert counts[name].to_dict() == wanted
    defective = frame["label"] != "good"
    assert (frame["mask"].notna() == defective).all()
    for _, row in frame[defective].iterrows():
        assert read_mask(root, row["mask"]).any()


def test_btad_speaks_of_ok_and_ko(tmp_path: Path) -> None:
    root = make_lookalike("btad", tmp_path / "btad")
    found = entries(root)
    assert found["01/train/ok/0000.bmp"] == Entry("01/train/ok/0000.bmp", "01", "train", "good")
    assert found["01/test/ko/0000.bmp"] == Entry(
        "01/test/ko/0000.bmp", "01", "test", "ko", ("01/ground_truth/ko/0000.png",)
    )
    assert found["01/test/ok/0000.bmp"].label == "good"
    single = entries(root / "01", single="part")
    assert single["test/ko/0002.bmp"].masks == ("ground_truth/ko/0002.png",)
    layout = open_layout(root)
    assert layout.place("01", "train", "good") == "01/train/ok"
    assert layout.mask_place("01", "ko") == "01/ground_truth/ko"


def test_a_defect_called_ok_does_not_make_a_tree_btad(tmp_path: Path) -> None:
    root = make_lookalike("mvtec", tmp_path / "set")
    (root / "bottle" / "test" / "broken").rename(root / "bottle" / "test" / "ok")
    assert entries(root)["bottle/test/ok/000.png"].label == "ok"


def test_realiad_views_have_labels_of_their_own(tmp_path: Path) -> None:
    root = make_lookalike("realiad", tmp_path / "set")
    found = entries(root)
    folder, stem = "realiad_256/usb/NG/HS/S0004", "usb_0004_NG_HS"
    assert found[f"{folder}/{stem}_C1_20231013.jpg"] == Entry(
        f"{folder}/{stem}_C1_20231013.jpg",
        "usb",
        "test",
        "HS",
        (f"{folder}/{stem}_C1_20231013.png",),
    )
    assert found[f"{folder}/{stem}_C3_20231013.jpg"].label == "good"  # not seen in this view
    assert open_layout(root).class_names == ["audiojack", "usb"]  # no list of another protocol


def test_realiad_classes_directly_beside_the_lists(tmp_path: Path) -> None:
    root = make_lookalike("realiad", tmp_path / "set")
    for folder in (root / "realiad_256").iterdir():
        folder.rename(root / folder.name)
    (root / "realiad_256").rmdir()
    assert len(entries(root)) == 26


def test_realiad_names_what_is_missing(tmp_path: Path) -> None:
    root = make_lookalike("realiad", tmp_path / "set")
    (root / "realiad_1024").mkdir()
    with pytest.raises(UserError, match="holds realiad_1024 and realiad_256; leave the images"):
        open_layout(root)
    (root / "realiad_1024").rmdir()
    image = root / "realiad_256" / "usb" / "OK" / "S0001" / "usb_0001_OK_C2_20231013.jpg"
    image.unlink()
    with pytest.raises(UserError, match=r"usb\.json, train\[1\]: image_path .*C2.* is missing"):
        entries(root)
    with pytest.raises(UserError, match="says what an image is, and no place does"):
        open_layout(root).place("usb", "test", "good")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[]", "has no lists train and test"),
        ('{"train": []}', "has no lists train and test"),
        ("{", "is not valid JSON"),
        ('{"train": ["a"], "test": []}', r"train\[0\]: an object with image_path"),
    ],
)
def test_realiad_names_a_broken_list(tmp_path: Path, content: str, sentence: str) -> None:
    root = make_lookalike("realiad", tmp_path / "set")
    (root / "realiad_jsons" / "realiad_jsons" / "usb.json").write_text(content)
    with pytest.raises(UserError, match=sentence):
        entries(root)


def test_realiad_refuses_paths_that_lead_outside(tmp_path: Path) -> None:
    root = make_lookalike("realiad", tmp_path / "set")
    file = root / "realiad_jsons" / "realiad_jsons" / "usb.json"
    document = json.loads(file.read_text())
    document["test"][0]["image_path"] = "../../../secret.jpg"
    file.write_text(json.dumps(document))
    with pytest.raises(UserError, match="is not a path inside"):
        entries(root)


def test_realiad_without_lists(tmp_path: Path) -> None:
    (tmp_path / "realiad_jsons").mkdir()
    with pytest.raises(UserError, match=r"holds no CLASS\.json"):
        open_layout(tmp_path)
