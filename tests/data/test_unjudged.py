"""Images that nobody has judged: found, judged by a CSV, and kept from training where tested."""

from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.manifest import write_manifest
from rlr.foundation.errors import UserError

Paint = Callable[..., Path]


@pytest.fixture
def data(mvtec: Path, paint: Paint) -> Path:
    for name in ("a", "b", "c"):
        paint(mvtec / "bolt" / "unlabelled" / f"{name}.png")
    return mvtec


def judged(data: Path, rows: str) -> dict[str, tuple[str, object]]:
    (data / "labels.csv").write_text(f"path,label,split\n{rows}")
    config = DataConfig(root=str(data), labels_csv="labels.csv", validation_fraction=0.0)
    frame = index_images(config).frame
    labels = frame["label"].astype(object).where(frame["label"].notna(), None)
    return dict(zip(frame["path"], zip(frame["split"], labels, strict=True), strict=True))


def test_a_csv_judges_images_where_they_lie(data: Path) -> None:
    found = judged(
        data,
        "bolt/unlabelled/a.png,good,\nbolt/unlabelled/b.png,bent,\nbolt/unlabelled/c.png,,\n"
        "bolt/train/good/000.png,good,\n",
    )
    assert found["bolt/unlabelled/a.png"] == ("train", "good")
    assert found["bolt/unlabelled/b.png"] == ("test", "bent")
    assert found["bolt/unlabelled/c.png"] == ("unlabelled", None)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (
            "bolt/train/good/000.png,bent,",
            r"line 2: .*000.png is bent \(test\) here, and its place",
        ),
        ("bolt/test/good/000.png,good,train", r"line 2: .* its place says good \(test\)"),
        ("bolt/unlabelled/a.png,bent,train", r"line 2: a defect \(bent\) is never trained on"),
        ("bolt/unlabelled/z.png,good,", r"line 2: .*z.png is no file"),
    ],
)
def test_a_csv_that_contradicts_the_tree_is_refused(data: Path, row: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        judged(data, f"{row}\n")


def test_what_was_tested_once_must_not_come_back_unjudged(data: Path, tmp_path: Path) -> None:
    earlier = index_images(DataConfig(), data)
    write_manifest(earlier, tmp_path / "earlier.parquet")
    (data / "bolt" / "test" / "good" / "000.png").rename(data / "bolt" / "unlabelled" / "t.png")
    config = {"root": str(data), "previous_manifest": str(tmp_path / "earlier.parquet")}
    index_images(DataConfig(**config))
    with pytest.raises(UserError, match=r"must not be trained on: bolt/unlabelled/t.png"):
        index_images(DataConfig(**config, assume_normal=True))


def test_a_tree_of_unjudged_images_alone_is_recognised(tmp_path: Path, paint: Paint) -> None:
    paint(tmp_path / "line" / "bolt" / "unlabelled" / "0.png")
    manifest = index_images(DataConfig(), tmp_path / "line")
    assert list(manifest.frame["split"]) == ["unlabelled"]
    assert manifest.classes == ["bolt"]
    paint(tmp_path / "line" / "nut" / "0.png")  # a plain folder beside it
    manifest = index_images(DataConfig(), tmp_path / "line")
    assert dict(zip(manifest.frame["class"], manifest.frame["split"], strict=True)) == {
        "bolt": "unlabelled",
        "nut": "train",
    }
