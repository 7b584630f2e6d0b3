"""Relabelling and withdrawing images: a new version each, made as a whole or not at all."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.config.data import DataConfig
from rlr.data.changes import Edited, edit, plan_labels, plan_removal
from rlr.data.index import index_images
from rlr.data.judgement import Judgement, read_judgements
from rlr.data.layouts import open_layout
from rlr.data.versions import data_version, read_parent
from rlr.foundation.errors import UserError

Paint = Callable[..., Path]


@pytest.fixture(autouse=True)
def _outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(mvtec: Path, paint: Paint) -> Path:
    """Return the tree in MVTec AD layout with three unjudged images, one of a taken name."""
    for name in ("000.png", "a.png", "b.png"):
        paint(mvtec / "bolt" / "unlabelled" / name)
    return mvtec


@pytest.fixture
def plain(tmp_path: Path, paint: Paint) -> Path:
    """Return a tree of plain folders: class `nut` with masks for one image, both ways."""
    root = tmp_path / "plain"
    for index in range(3):
        paint(root / "nut" / f"{index}.png")
    paint(root / "nut" / "test" / "dent" / "0.png")
    paint(root / "nut" / "test" / "dent" / "1.png")
    paint(root / "nut" / "masks" / "dent" / "0" / "one.png", mode="L")
    paint(root / "nut" / "masks" / "1_mask.png", mode="L")
    paint(root / "nut" / "unlabelled" / "x.png")
    return root


def label(root: Path, *names: str, to: str, split: str | None = None, dry: bool = False) -> Edited:
    config = DataConfig(root=str(root))
    said = [Judgement(name, to, split, "--as") for name in names]
    return edit(config, lambda at, version: plan_labels(config, at, version, said), dry)


def remove(root: Path, *names: str, dry: bool = False) -> Edited:
    config = DataConfig(root=str(root))
    return edit(config, lambda at, version: plan_removal(config, at, version, names, "why"), dry)


def files(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != ".version.json"
    }


def entry(root: Path, path: str) -> tuple[str, str | None, tuple[str, ...]]:
    layout = open_layout(root)
    entries = {e.path: e for name in layout.class_names for e in layout.entries(name)}
    return entries[path].split, entries[path].label, entries[path].masks


def test_a_good_image_goes_to_training_and_a_defect_to_test(data: Path) -> None:
    before, version = files(data), data_version(data)
    first = label(data, "bolt/unlabelled/a.png", to="good")
    second = label(data, "bolt/unlabelled/b.png", to="bent")
    assert entry(data, "bolt/train/good/a.png") == ("train", "good", ())
    assert entry(data, "bolt/test/bent/b.png") == ("test", "bent", ())
    after = files(data)
    assert after.pop("bolt/train/good/a.png") == before.pop("bolt/unlabelled/a.png")
    assert after.pop("bolt/test/bent/b.png") == before.pop("bolt/unlabelled/b.png")
    assert after == before
    assert (first.parent, first.version) == (version, second.parent)
    assert second.version == data_version(data)
    note = read_parent(data)
    assert note is not None
    assert (note["parent"], note["action"]) == (first.version, "label")
    assert note["facts"]["labels"] == {"bent": 1}
    assert note["facts"]["moved"][0]["was"] == {"split": "unlabelled", "label": None}
    assert sorted(path.name for path in data.parent.iterdir()) == ["set"]


def test_the_same_change_of_the_same_parent_is_the_same_version(data: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(data, tmp_path / "elsewhere"))
    said = label(data, "bolt/unlabelled", to="good", dry=True)
    assert data_version(data) == said.parent
    assert read_parent(data) is None
    assert label(data, "bolt/unlabelled", to="good").version == said.version
    assert (
        label(other, "bolt/unlabelled/", to="good").version == said.version == data_version(other)
    )
    again = label(data, "bolt/train/good/a.png", to="good")
    assert again.version == again.parent == said.version


def test_a_taken_name_is_told_apart_by_the_content(data: Path) -> None:
    shas = {row.path: row.sha256 for row in index_images(DataConfig(), data).frame.itertuples()}
    expected = f"bolt/train/good/000-{shas['bolt/unlabelled/000.png'][:8]}.png"
    assert label(data, "bolt/unlabelled/000.png", to="good").change.moves == {
        "bolt/unlabelled/000.png": expected
    }
    assert (data / expected).is_file()


def test_names_of_files_are_taken_as_the_shell_gives_them(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    label(data, str(data / "bolt" / "unlabelled" / "a.png"), to="good")
    label(data, "set/bolt/unlabelled/b.png", to="good")
    assert entry(data, "bolt/train/good/b.png")[0] == "train"
    monkeypatch.chdir(data / "bolt")
    with pytest.raises(UserError, match="cannot be done from inside of it"):
        label(data, "unlabelled/000.png", to="good")


def test_masks_go_with_their_image_and_leave_with_its_defect(data: Path) -> None:
    label(data, "bolt/test/crack/000.png", to="scratch")
    assert entry(data, "bolt/test/scratch/000.png") == (
        "test", "scratch", ("bolt/ground_truth/scratch/000_mask.png",)
    )  # fmt: skip
    edited = label(data, "bolt/test/scratch/000.png", to="good", split="test")
    assert edited.change.removals == {"bolt/ground_truth/scratch/000_mask.png"}
    new = edited.change.moves["bolt/test/scratch/000.png"]  # 000.png is taken in test/good
    assert entry(data, new) == ("test", "good", ())
    assert not list((data / "bolt").rglob("*_mask.png"))


def test_a_plain_folder_is_edited_as_well(plain: Path) -> None:
    label(plain, "nut/unlabelled/x.png", to="good")
    assert entry(plain, "nut/x.png") == ("train", "good", ())
    label(plain, "nut/test/dent/0.png", "nut/test/dent/1.png", to="pit")
    assert entry(plain, "nut/test/pit/0.png")[2] == ("nut/masks/pit/0/one.png",)
    assert entry(plain, "nut/test/pit/1.png")[2] == ("nut/masks/1_mask.png",)
    label(plain, "nut/0.png", to="pit")
    (moved,) = (plain / "nut" / "test" / "pit").glob("0-*.png")
    assert entry(plain, f"nut/test/pit/{moved.name}")[2] == ()
    remove(plain, "nut/test/pit/1.png")
    assert "nut/masks/1_mask.png" not in files(plain)


def test_a_folder_of_one_class_is_edited_as_well(data: Path) -> None:
    label(data / "bolt", "unlabelled/a.png", to="good")
    assert entry(data / "bolt", "train/good/a.png") == ("train", "good", ())


def test_a_tested_image_is_never_trained_on(data: Path) -> None:
    before = data_version(data)
    with pytest.raises(UserError, match=r"bolt/test/good/000.png is a test image"):
        label(data, "bolt/test/good/000.png", to="good")
    shutil.copy(data / "bolt" / "test" / "good" / "000.png", data / "bolt" / "unlabelled" / "c.png")
    with pytest.raises(
        UserError, match=r"c.png is, or shows the same part as, an image .* in test"
    ):
        label(data, "bolt/unlabelled/c.png", to="good")
    (data / "bolt" / "unlabelled" / "c.png").unlink()
    assert data_version(data) == before


@pytest.mark.parametrize(
    ("name", "to", "split", "sentence"),
    [
        ("bolt/unlabelled/z.png", "good", None, r"z.png is no image of .*set"),
        ("nowhere", "good", None, r"nowhere is no image"),
        ("bolt/unlabelled/a.png", "crack", "train", r"a defect \(crack\) is never trained on"),
        ("bolt/unlabelled/a.png", "a/b", None, r"'a/b' is no label"),
        ("bolt/unlabelled/a.png", "..", None, r"'\.\.' is no label"),
        ("bolt/unlabelled/a.png", "unlabelled", None, r"'unlabelled' is no label"),
        ("bolt/unlabelled/a.png", "good", "validation", r"neither train nor test"),
        ("bolt/ground_truth", "good", None, r"ground_truth is no image"),
        ("../set", "good", None, r"\.\./set is no image"),
    ],
)
def test_wrong_judgements_are_refused(
    data: Path, name: str, to: str, split: str | None, sentence: str
) -> None:
    before = data_version(data)
    with pytest.raises(UserError, match=sentence):
        label(data, name, to=to, split=split)
    assert data_version(data) == before
    assert sorted(path.name for path in data.parent.iterdir()) == ["set"]


def test_two_opinions_on_one_image_are_refused(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("path,label\nbolt/unlabelled/a.png,good\nbolt/unlabelled/a.png,bent\n")
    config = DataConfig(root=str(data))
    said = read_judgements(table)
    with pytest.raises(
        UserError, match=r"labels.csv, line 3: .*a.png is bent here and good in .*2"
    ):
        edit(config, lambda at, version: plan_labels(config, at, version, said))


def test_a_table_of_judgements_leaves_the_unjudged_alone(data: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("path,label,split\nbolt/unlabelled/a.png,good,test\nbolt/unlabelled/b.png,,\n")
    config = DataConfig(root=str(data))
    said = read_judgements(table)
    edit(config, lambda at, version: plan_labels(config, at, version, said))
    assert entry(data, "bolt/test/good/a.png") == ("test", "good", ())
    assert entry(data, "bolt/unlabelled/b.png") == ("unlabelled", None, ())


def test_visa_says_where_its_labels_are(tmp_path: Path, paint: Paint) -> None:
    root = tmp_path / "visa"
    paint(root / "pcb" / "Data" / "Images" / "Normal" / "0.JPG")
    (root / "split_csv").mkdir()
    row = "pcb,train,normal,pcb/Data/Images/Normal/0.JPG,\n"
    (root / "split_csv" / "1cls.csv").write_text(f"object,split,label,image,mask\n{row}")
    for change in (lambda: label(root, "pcb", to="bent"), lambda: remove(root, "pcb")):
        with pytest.raises(UserError, match=r"1cls.csv says what an image is.*edit its row"):
            change()


def test_withdrawn_images_take_their_masks_along(data: Path) -> None:
    edited = remove(data, "bolt/test/crack/000.png", "bolt/unlabelled/a.png")
    assert "bolt/test/crack/000.png" not in files(data)
    assert not list((data / "bolt").rglob("*_mask.png"))
    note = read_parent(data)
    assert note is not None
    assert (note["action"], note["facts"]["reason"]) == ("remove", "why")
    assert [each["path"] for each in note["facts"]["removed"]] == [
        "bolt/test/crack/000.png",
        "bolt/unlabelled/a.png",
    ]
    assert note["facts"]["masks_removed"] == ["bolt/ground_truth/crack/000_mask.png"]
    assert edited.version == data_version(data)
    remove(data, "tile")
    assert index_images(DataConfig(), data).classes == ["bolt"]


def test_a_reason_must_be_given(data: Path) -> None:
    config = DataConfig(root=str(data))
    with pytest.raises(UserError, match="--reason is empty"):
        edit(config, lambda at, version: plan_removal(config, at, version, ["bolt"], " "))


def test_tables_that_travel_follow_their_images(data: Path) -> None:
    (data / "capture.csv").write_bytes(
        '\ufeffpath,captured_at,source\r\nbolt/unlabelled/a.png,2026-01-31,"line, 1"\r\n'
        "bolt/unlabelled/b.png,2026-02-01,x\r\n".encode()
    )
    (data / "bolt" / "parts.csv").write_text("path,group\nbolt/unlabelled/a.png,p7\n")
    (data / "other.csv").write_text("name\nbolt/unlabelled/a.png\n")
    config = DataConfig(
        root=str(data), capture_csv="capture.csv", group_csv=str(data / "bolt" / "parts.csv")
    )
    said = [Judgement("bolt/unlabelled/a.png", "good", None, "--as")]
    edited = edit(config, lambda at, version: plan_labels(config, at, version, said))
    assert edited.tables == ("bolt/parts.csv", "capture.csv")
    edit(
        config,
        lambda at, version: plan_removal(config, at, version, ["bolt/unlabelled/b.png"], "why"),
    )
    assert (data / "capture.csv").read_bytes() == (
        '\ufeffpath,captured_at,source\r\nbolt/train/good/a.png,2026-01-31,"line, 1"\r\n'.encode()
    )
    assert (data / "other.csv").read_text() == "name\nbolt/unlabelled/a.png\n"
    frame = index_images(config).frame.set_index("path")
    assert frame.loc["bolt/train/good/a.png", "group"] == "p7"
    assert frame.loc["bolt/train/good/a.png", "source"] == "line, 1"


def test_a_move_that_would_change_another_image_is_refused(plain: Path, paint: Paint) -> None:
    """Without its only normal image the class would be of a layout that knows no masks/."""
    root = plain.parent / "small"
    paint(root / "nut" / "0.png")
    paint(root / "nut" / "test" / "dent" / "1.png")
    paint(root / "nut" / "masks" / "dent" / "1.png", mode="L")
    before = data_version(root)
    with pytest.raises(
        UserError, match=r"1.png would become dent in nut, test instead of .*dent/1.png"
    ):
        label(root, "nut/0.png", to="good", split="test")
    assert data_version(root) == before
    assert not list(root.parent.glob(".small*"))


def test_a_mask_that_waits_for_its_image_is_found(data: Path, paint: Paint) -> None:
    paint(data / "bolt" / "ground_truth" / "bent" / "a_mask.png", mode="L")
    label(data, "bolt/unlabelled/a.png", to="bent")
    assert entry(data, "bolt/test/bent/a.png")[2] == ("bolt/ground_truth/bent/a_mask.png",)


KILLED = """
import os, signal, sys
from pathlib import Path
import rlr.data.changes.editing as edit
from rlr.config.data import DataConfig
from rlr.data.changes import plan_labels
from rlr.data.judgement import Judgement

root, place, name, count, at_once = Path(sys.argv[1]), *sys.argv[2:]
target = {"os": os, "edit": edit, "shutil": edit.shutil}[place]
real, calls = getattr(target, name), []

def die(*words, **options):
    calls.append(words)
    if len(calls) == int(count):
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*words, **options)

setattr(target, name, die)
if at_once == "no":
    import rlr.foundation.exchange as exchange
    exchange._exchange_at_once = lambda *_: False
config = DataConfig(root=str(root))
said = [Judgement("bolt/unlabelled", "good", None, "--as")]
edit.edit(config, lambda at, version: plan_labels(config, at, version, said))
print("done")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("place", "name", "count", "at_once", "survives"),
    [
        ("os", "link", 5, "yes", "old"),
        ("edit", "require_intended", 1, "yes", "old"),
        ("edit", "exchange", 1, "yes", "old"),
        ("shutil", "rmtree", 3, "yes", "new"),
        ("os", "rename", 1, "no", "old"),
        ("os", "rename", 2, "no", "old"),
        ("shutil", "rmtree", 3, "no", "new"),
    ],
)
def test_a_killed_change_leaves_one_version_or_the_other(
    data: Path, place: str, name: str, count: int, at_once: str, survives: str
) -> None:
    wanted = label(data, "bolt/unlabelled", to="good", dry=True)
    words = [sys.executable, "-c", KILLED, data, place, name, str(count), at_once]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    lost = name == "rename" and count == 2
    assert data.exists() is not lost
    if not lost:
        assert data_version(data) == (wanted.parent if survives == "old" else wanted.version)
    if survives == "old":
        assert label(data, "bolt/unlabelled", to="good").version == wanted.version
    else:
        remove(data, "bolt/train/good/a.png")
    assert sorted(path.name for path in data.parent.iterdir()) == ["set"]


def test_links_are_followed_and_folders_that_are_empty_stay(data: Path, tmp_path: Path) -> None:
    (data / "tile" / "empty").mkdir()
    cached = shutil.move(data / "bolt" / "unlabelled" / "a.png", tmp_path / "cached.png")
    (data / "bolt" / "unlabelled" / "a.png").symlink_to(
        os.path.relpath(cached, data / "bolt" / "unlabelled")
    )
    label(data, "bolt/unlabelled/a.png", to="good")
    assert (data / "bolt" / "train" / "good" / "a.png").read_bytes() == Path(cached).read_bytes()
    assert (data / "tile" / "empty").is_dir()


def test_where_nothing_can_be_linked_files_are_copied(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    before = len(files(data))
    edited = label(data, "bolt/unlabelled/a.png", to="good")
    assert edited.version == data_version(data)
    assert len(files(data)) == before
