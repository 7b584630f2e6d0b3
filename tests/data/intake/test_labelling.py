"""What is known of an object, without a server."""

import logging
from pathlib import Path
from typing import Any

import pytest

from rlr.config import load_config
from rlr.config.intake import IntakeConfig
from rlr.data.intake.labelling import Judge, Judgement, read_judge
from rlr.data.intake.listing import BucketObject
from rlr.data.intake.location import parse_location
from rlr.data.intake.naming import file_name, tree_path
from rlr.foundation.errors import UserError

LINE = parse_location("s3://camera/line-1")


def thing(key: str, etag: str = "e") -> BucketObject:
    return BucketObject("camera", key, 10, etag)


def judge(key: str, rows: str | None = None, **settings: Any) -> Judgement | None:
    if rows is not None:
        Path("labels.csv").write_text(rows)
        settings["labels_csv"] = "labels.csv"
    objects = [thing(key)]
    return read_judge(None, IntakeConfig(**settings), LINE, objects).judge(objects[0])


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("key", "split", "label"),
    [
        ("bolt/good/1.png", "train", "good"),
        ("bolt/Pass/1.png", "train", "good"),
        ("bolt/scratch/1.png", "test", "scratch"),
        ("bolt/unlabelled/1.png", "unlabelled", None),
        ("bolt/1.png", "unlabelled", None),
        ("bolt/good/test/1.png", "test", "good"),
        ("bolt/good/Validation/1.png", "validation", "good"),
        ("bolt/scratch/test/1.png", "test", "scratch"),
    ],
)
def test_a_key_tells(key: str, split: str, label: str | None) -> None:
    found = judge(
        key,
        key_pattern=r"(?P<class>bolt)/(?:(?P<label>\w+)/)?(?:(?P<split>\w+)/)?\d",
        good_labels=["good", "PASS"],
    )
    assert found == Judgement("bolt", split, label, None, None)


def test_the_csv_goes_before_the_key_cell_by_cell() -> None:
    pattern = {"key_pattern": r"(?P<class>\w+)/(?P<label>\w+)/(?P<group>\d+)"}
    rows = "key,label,split,group,captured_at\nline-1/bolt/good/7.png,,test,,2026-01-31\n"
    found = judge("line-1/bolt/good/7.png", rows, **pattern)
    assert found == Judgement("bolt", "test", "good", "bolt/7", "2026-01-31")
    rows = "path,class,label,group\nbolt/good/7.png,nut,worn,part 7\n"
    assert judge("line-1/bolt/good/7.png", rows, **pattern) == Judgement(
        "nut", "test", "worn", "part 7", None
    )
    assert judge("line-1/bolt/good/8.png", rows, **pattern) is not None


def test_nothing_tells_the_class() -> None:
    assert judge("a/1.png") is None
    assert judge("a/1.png", class_name="bolt") == Judgement("bolt", "unlabelled", None, None, None)
    assert judge("a/1.png", key_pattern="(?P<class>z)") is None


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ("name,label\n", None),
        ("name,label\n1.png,good\n", r"labels\.csv, line 1: no column key or path"),
        ("key,label\n,good\n", r"labels\.csv, line 2: it names no object"),
        ("key,label\nk,good\nk,good\n", r"labels\.csv, line 3: k was named before"),
        ("key,label\nk,a/b\n", r"line 2: the label 'a/b' cannot be the name of a folder"),
        ("key,label\nk,.hidden\n", "the label '.hidden' cannot be"),
        ("key,class\nk,train\n", "a class cannot be called 'train'"),
        ("key,label,split\nk,worn,train\n", "with the defect 'worn' is to go to train"),
        ("key,label,split\nk,good,elsewhere\n", "the split 'elsewhere' is unknown"),
        ("key,captured_at\nk,yesterday\n", "the time 'yesterday' is not written as ISO 8601"),
    ],
)
def test_what_a_csv_cannot_say(rows: str, sentence: str | None) -> None:
    if sentence is None:
        assert judge("k", rows, class_name="bolt") is not None
        return
    with pytest.raises(UserError, match=sentence):
        judge("k", rows, class_name="bolt")


def test_a_missing_csv() -> None:
    with pytest.raises(UserError, match=r"none\.csv is missing"):
        judge("k", labels_csv="none.csv")


def test_rows_of_other_objects_are_told(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("rlr").propagate = True
    judge("k", "key,label\nk,good\nother,good\n", class_name="bolt")
    assert "1 rows of labels.csv name no object of s3://camera/line-1/, such as" in caplog.text


def test_times_in_keys() -> None:
    settings = {"key_pattern": r"(?P<time>\d+)", "class_name": "b"}
    found = judge("20260131.png", **settings, time_format="%Y%m%d")
    assert found is not None
    assert found.captured_at == "2026-01-31T00:00:00"
    with pytest.raises(UserError, match="the time '99' is not written as %Y%m%d"):
        judge("99.png", **settings, time_format="%Y%m%d")


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("(", "no regular expression"),
        (r"(\w+)", "its named groups may be class, label, split, group, time; it has none"),
        (r"(?P<clas>\w+)", "it has clas"),
    ],
)
def test_patterns_that_are_refused(pattern: str, sentence: str) -> None:
    with pytest.raises(UserError, match=r"data\.intake\.key_pattern") as told:
        load_config("published", [f"data.intake.key_pattern='{pattern}'"])
    assert sentence in str(told.value)


def test_names_come_from_the_object_alone() -> None:
    judged = Judge(IntakeConfig(class_name="bolt"), {}).judge(thing("a/1.png"))
    assert judged is not None
    name = file_name(thing("a/1.png"))
    assert tree_path(thing("a/1.png"), judged) == f"bolt/unlabelled/{name}"
    assert name == file_name(thing("a/1.png"))
    others = {
        file_name(each)
        for each in (
            thing("b/1.png"),
            thing("a/1.jpg"),
            thing("a/1.png", "another content"),
            BucketObject("other", "a/1.png", 10, "e"),
        )
    }
    assert len(others | {name}) == 5


@pytest.mark.parametrize(
    ("key", "begin"),
    [
        ("x/line 1|cam:2?.PNG", "line_1_cam_2_-"),
        ("x/.hidden.png", "hidden-"),
        ("x/Teil Nr. 7 (geprüft).png", "Teil_Nr._7__geprüft_-"),
        (f"x/{'ü' * 300}.png", f"{'ü' * 50}-"),
    ],
)
def test_names_are_those_of_files(key: str, begin: str) -> None:
    name = file_name(thing(key))
    assert name.startswith(begin)
    assert name.endswith(".png")
    assert len(name.encode()) < 200


@pytest.mark.parametrize("url", ["camera/x", "s3://", "s3:///x", "https://x/y", ""])
def test_urls_that_name_no_bucket(url: str) -> None:
    with pytest.raises(UserError, match="names no bucket; write s3://BUCKET/PREFIX"):
        parse_location(url)


def test_urls_and_their_prefixes() -> None:
    assert parse_location("s3://b").url == "s3://b/"
    assert parse_location("s3://b/x/y/").prefix == "x/y/"
    with pytest.raises(UserError, match="holds credentials") as told:
        parse_location("s3://key:secret@b/x")
    assert "secret@" not in str(told.value)
