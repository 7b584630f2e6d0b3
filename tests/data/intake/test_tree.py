"""A tree in the place of another: whole or not at all, whenever it is interrupted."""

import os
from pathlib import Path

import pytest

from rlr.data.intake.ledger import Ledger, Record, read_ledger
from rlr.data.intake.listing import BucketObject
from rlr.data.intake.tree import add_rows, copy_tree, in_place_of, refuse_other_trees, restore
from rlr.foundation.errors import UserError

from .conftest import files_in


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "bolt" / "train" / "good").mkdir(parents=True)
    (root / "bolt" / "train" / "good" / "1.png").write_text("old")
    (root / "bolt" / "link.txt").symlink_to("train/good/1.png")
    (root / "bolt" / "away").symlink_to("train")
    (root / "bolt" / "nothing").mkdir()
    return root


@pytest.fixture
def new(tmp_path: Path, root: Path) -> Path:
    new = tmp_path / "place" / "files"
    new.parent.mkdir()
    copy_tree(root, new)
    (new / "more.txt").write_text("new")
    return new


def test_a_copy_is_made_of_links(root: Path, new: Path) -> None:
    assert files_in(new) == files_in(root) | {"more.txt"}
    one, other = (tree / "bolt" / "train" / "good" / "1.png" for tree in (root, new))
    assert one.samefile(other)
    assert os.readlink(new / "bolt" / "away") == "train"
    assert (new / "bolt" / "nothing").is_dir()


@pytest.fixture(params=["at once", "in two steps"])
def _both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exchange as this system does, and as one that cannot exchange two names."""
    if request.param == "in two steps":
        monkeypatch.setattr("rlr.foundation.exchange._exchange_at_once", lambda *_: False)


@pytest.mark.usefixtures("_both_ways")
def test_the_new_tree_takes_the_place(root: Path, new: Path) -> None:
    with in_place_of(root, new, new.parent):
        assert (root / "more.txt").exists()
    assert (root / "more.txt").exists()
    assert not (new.parent / "retired").exists()


@pytest.mark.usefixtures("_both_ways")
def test_what_fails_afterwards_brings_the_old_tree_back(root: Path, new: Path) -> None:
    before = files_in(root)
    with pytest.raises(KeyboardInterrupt), in_place_of(root, new, new.parent):
        raise KeyboardInterrupt
    assert files_in(root) == before
    assert not {"retired", "refused"} & set(os.listdir(new.parent))


def test_a_first_tree_that_fails_is_no_tree(root: Path, new: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    with pytest.raises(UserError), in_place_of(first, new, new.parent):
        raise UserError("no")
    assert not first.exists()


def test_a_kill_between_the_two_renames_is_put_right(root: Path, new: Path) -> None:
    before = files_in(root)
    root.rename(new.parent / "retired")
    restore(root, new.parent)
    assert files_in(root) == before


def test_a_kill_after_them_keeps_the_new_tree(root: Path, new: Path) -> None:
    root.rename(new.parent / "retired")
    new.rename(root)
    restore(root, new.parent)
    assert (root / "more.txt").exists()
    assert not list(new.parent.iterdir())


@pytest.mark.parametrize(
    "path", ["1.png", "train/good/1.png", "bolt/1.png", "bolt/Data/1.png", "unlabelled/1.png"]
)
def test_trees_that_are_refused(tmp_path: Path, path: str) -> None:
    file = tmp_path / "data" / path
    file.parent.mkdir(parents=True)
    file.write_text("image")
    with pytest.raises(UserError, match="in another layout"):
        refuse_other_trees(tmp_path / "data")


def test_nobody_stands_in_a_tree_that_is_replaced(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in (root, root / "bolt"):
        monkeypatch.chdir(place)
        with pytest.raises(UserError, match="data is replaced as a whole"):
            refuse_other_trees(root)


def test_trees_that_are_welcome(root: Path, tmp_path: Path) -> None:
    refuse_other_trees(root)
    refuse_other_trees(tmp_path / "missing")
    (tmp_path / "empty").mkdir()
    refuse_other_trees(tmp_path / "empty")
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file is a file, not a folder"):
        refuse_other_trees(tmp_path / "file")


def test_rows_are_added_and_columns_stay(tmp_path: Path) -> None:
    file = tmp_path / "capture.csv"
    add_rows(file, ("path", "source"), [])
    assert not file.exists()
    file.write_text("path,licence,note\nb.png,CC0,mine\n")
    add_rows(file, ("path", "source"), [{"path": "a.png", "source": "s3://x, y"}])
    assert file.read_text() == (
        'path,licence,note,source\na.png,,,"s3://x, y"\nb.png,CC0,mine,\n'
    )  # fmt: skip


def test_the_ledger_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    records = [Record(f"s3://b/{name}", "e", 1, f"p/{name}") for name in ("a\nb", "c,d", 'e"f')]
    Ledger(records).write(tmp_path)
    text = (tmp_path / ".imported.csv").read_bytes()
    read_ledger(tmp_path).with_records(reversed(records)).write(tmp_path)
    assert (tmp_path / ".imported.csv").read_bytes() == text
    ledger = read_ledger(tmp_path)
    assert ledger.knows(BucketObject("b", "a\nb", 1, "e"))
    assert ledger.has_changed(BucketObject("b", "a\nb", 1, "other"))
    assert not ledger.has_changed(BucketObject("b", "new", 1, "e"))
    assert not ledger.has_changed(BucketObject("b", "a\nb", 1, "e"))
    (tmp_path / ".imported.csv").write_text("nonsense\n")
    with pytest.raises(UserError, match=r"\.imported\.csv, line 1: no column source"):
        read_ledger(tmp_path)
    (tmp_path / ".imported.csv").write_text("source,etag,bytes,imported_as\ns,e,many,p\n")
    with pytest.raises(UserError, match=r"\.imported\.csv, line 2: .*'many'"):
        read_ledger(tmp_path)
