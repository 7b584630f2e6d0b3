"""Data versions: DVC's own hash, and a way there and back through a remote."""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml

from rlr.config.data import DataConfig
from rlr.data.versions import data_version, materialise, pin, pinned_version, publish, pull
from rlr.foundation.errors import MachineError, UserError

Paint = Callable[..., Path]
ABSENT = "0" * 32 + ".dir"


@pytest.fixture(autouse=True)
def _outside_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data(tmp_path: Path, mvtec: Path) -> Path:
    """Return a folder with nested folders, a hidden file, an empty file and equal files."""
    (mvtec / "readme.txt").write_text("line\r\nline\r\n")
    (mvtec / ".hidden").write_text("hidden")
    (mvtec / "bolt" / "empty.txt").touch()
    (mvtec / "bolt" / "Ünï code.txt").write_text("x")
    (mvtec / "tile" / "nothing").mkdir()
    shutil.copy(
        mvtec / "bolt" / "test" / "good" / "000.png", mvtec / "bolt" / "test" / "good" / "001.png"
    )
    return mvtec.rename(tmp_path / "data")


def dvc(folder: Path, *words: str) -> str:
    home = folder.parent / "dvc-home"
    environment = {
        **os.environ,
        "DVC_SITE_CACHE_DIR": str(home / "site"),
        "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
        "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
        "DVC_NO_ANALYTICS": "1",
    }
    command = [sys.executable, "-m", "dvc", *words]
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def dvc_repository(tmp_path: Path, data: Path) -> Path:
    """Return a DVC repository without git, with `data` in it, not yet added."""
    folder = tmp_path / "repository"
    folder.mkdir()
    shutil.copytree(data, folder / "data")
    dvc(folder, "init", "--no-scm", "-q")
    return folder


def test_the_version_is_that_of_dvc_add(dvc_repository: Path, data: Path) -> None:
    before = sorted(dvc_repository.rglob("*"))
    version = data_version(dvc_repository / "data")
    assert sorted(dvc_repository.rglob("*")) == before  # nothing is written
    assert data_version(data) == version  # nor does it matter where the folder lies
    ours = dvc_repository / "ours"
    ours.mkdir()
    assert pin(dvc_repository / "data", ours) == version
    (dvc_repository / ".dvcignore").write_text("")
    dvc(dvc_repository, "add", "-q", "data")
    assert pinned_version(dvc_repository) == version
    assert (ours / "data.dvc").read_text() == (dvc_repository / "data.dvc").read_text()


def test_dvcignore_counts_as_it_does_for_dvc(
    dvc_repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(dvc_repository)
    folder = Path("data")
    version = data_version(folder)
    (folder / "bolt" / "Thumbs.db").write_text("junk")
    assert data_version(folder) != version
    (dvc_repository / ".dvcignore").write_text("Thumbs.db\n*.tmp\n")
    assert data_version(folder) == version
    (folder / "bolt" / "more.tmp").write_text("junk")
    dvc(dvc_repository, "add", "-q", "data")
    assert pinned_version(dvc_repository) == version


def test_a_version_with_files_that_are_ignored_here(
    data: Path, tmp_path: Path, dvc_repository: Path
) -> None:
    (data / "Thumbs.db").write_text("a part of that version")
    version = publish(data, "remote")
    (dvc_repository / ".dvcignore").write_text("Thumbs.db\n")
    for _ in range(2):
        pull(version, "remote", dvc_repository / "pulled")
    assert contents(dvc_repository / "pulled") == contents(data)


def test_ignored_images_are_refused(dvc_repository: Path) -> None:
    (dvc_repository / ".dvcignore").write_text("/data/tile\n")
    with pytest.raises(UserError, match=r"data/tile/.*png is ignored by DVC"):
        data_version(dvc_repository / "data")


def test_every_change_of_a_file_is_another_version(data: Path) -> None:
    versions = [data_version(data)]
    (data / "readme.txt").write_text("line\nline\n")  # line ends count, too
    versions.append(data_version(data))
    (data / "readme.txt").rename(data / "README.txt")
    versions.append(data_version(data))
    (data / "README.txt").unlink()
    versions.append(data_version(data))
    assert len(set(versions)) == 4


def test_a_link_to_the_data_is_followed(data: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(data)
    assert data_version(tmp_path / "link") == data_version(data)


def test_what_cannot_be_hashed_is_named(data: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nowhere is missing"):
        data_version(tmp_path / "nowhere")
    link = data / "bolt" / "gone.png"
    link.symlink_to("nowhere")
    with pytest.raises(UserError, match=r"gone\.png cannot be read \(No such file"):
        data_version(data)
    with pytest.raises(UserError, match=r"gone\.png cannot be read \(No such file"):
        materialise(DataConfig(root="data", version=ABSENT))
    link.unlink()
    (data / ".dvcignore").touch()
    with pytest.raises(UserError, match=r"holds a \.dvcignore"):
        data_version(data)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_there_and_back(data: Path, tmp_path: Path) -> None:
    version = publish(data, "remote")
    assert version == data_version(data)
    assert publish(data, "remote") == version  # again: nothing to send, nothing to fail on
    pull(version, "remote", tmp_path / "deep" / "copy")
    assert contents(tmp_path / "deep" / "copy") == contents(data)
    assert os.listdir(tmp_path / "deep") == ["copy"]
    pull(version, "nowhere", tmp_path / "deep" / "copy")  # it is there: no remote is asked


def test_dvc_can_pull_what_was_published(data: Path, tmp_path: Path) -> None:
    publish(data, "remote")
    pod = tmp_path / "pod"
    pod.mkdir()
    pin(data, pod)
    dvc(pod, "init", "--no-scm", "-q")
    dvc(pod, "remote", "add", "-d", "store", str(tmp_path / "remote"))
    dvc(pod, "pull", "-q")
    assert contents(pod / "data") == contents(data)


def test_what_dvc_has_pushed_can_be_pulled(dvc_repository: Path, tmp_path: Path) -> None:
    dvc(dvc_repository, "add", "-q", "data")
    dvc(dvc_repository, "remote", "add", "-d", "store", str(tmp_path / "remote"))
    dvc(dvc_repository, "push", "-q")
    pull(pinned_version(dvc_repository), "remote", tmp_path / "copy")
    assert contents(tmp_path / "copy") == contents(dvc_repository / "data")


def object_of(remote: Path, version: str, path: str) -> Path:
    listed = yaml.safe_load((remote / "files" / "md5" / version[:2] / version[2:]).read_text())
    md5 = next(entry["md5"] for entry in listed if entry["relpath"] == path)
    return remote / "files" / "md5" / md5[:2] / md5[2:]


def test_a_missing_object_is_named_with_its_file(data: Path, tmp_path: Path) -> None:
    version = publish(data, "remote")
    lost = object_of(tmp_path / "remote", version, "tile/train/good/003.png")
    lost.unlink()
    with pytest.raises(
        MachineError, match=r"misses .*, which is tile/train/good/003\.png"
    ) as caught:
        pull(version, "remote", tmp_path / "copy")
    assert str(lost) in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["data", "remote"]
    publish(data, "remote")
    pull(version, "remote", tmp_path / "copy")


def test_a_damaged_object_is_named_with_its_file(data: Path, tmp_path: Path) -> None:
    version = publish(data, "remote")
    bad = object_of(tmp_path / "remote", version, "bolt/test/crack/000.png")
    bad.chmod(0o644)
    bad.write_bytes(bad.read_bytes()[:-1] + b"\0")
    bad.chmod(0o444)  # which DVC takes for a promise that nothing has changed
    with pytest.raises(
        MachineError, match=r"damaged .*, which is bolt/test/crack/000\.png"
    ) as caught:
        pull(version, "remote", tmp_path / "copy")
    assert str(bad) in str(caught.value)
    assert sorted(os.listdir(tmp_path)) == ["data", "remote"]
    bad.unlink()
    publish(data, "remote")
    pull(version, "remote", tmp_path / "copy")


@pytest.mark.parametrize(
    "text", ["[]", "not json", "{}", '[{"md5": "0", "relpath": "other"}]', '[{"a": 1}]', "[1]"]
)
def test_a_damaged_list_is_told(data: Path, tmp_path: Path, text: str) -> None:
    version = publish(data, "remote")
    listing = tmp_path / "remote" / "files" / "md5" / version[:2] / version[2:]
    listing.chmod(0o644)
    listing.write_text(text)
    with pytest.raises(MachineError, match=r"list of files of .* is damaged"):
        pull(version, "remote", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("path", ["../escape", "/escape", "a/../../escape"])
def test_a_list_cannot_write_outside_of_the_folder(tmp_path: Path, path: str) -> None:
    listed = json.dumps([{"md5": "0" * 32, "relpath": path}]).encode()
    version = hashlib.md5(listed, usedforsecurity=False).hexdigest() + ".dir"
    place = tmp_path / "remote" / "files" / "md5" / version[:2] / version[2:]
    place.parent.mkdir(parents=True)
    place.write_bytes(listed)
    with pytest.raises(MachineError, match=r"list of files of .* is damaged") as caught:
        pull(version, "remote", tmp_path / "copy")
    assert "outside of the folder: ['" in str(caught.value.__cause__)


def test_a_version_that_was_never_published(data: Path, tmp_path: Path) -> None:
    publish(data, "remote")
    with pytest.raises(UserError, match=f"does not have the data version {ABSENT}"):
        pull(ABSENT, "remote", tmp_path / "copy")
    with pytest.raises(UserError, match=f"nowhere does not have the data version {ABSENT}"):
        pull(ABSENT, "nowhere", tmp_path / "copy")
    assert not (tmp_path / "nowhere").exists()


def test_publishing_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="empty is empty"):
        publish(tmp_path / "empty", "remote")


def test_a_target_with_something_else_is_left_alone(data: Path, tmp_path: Path) -> None:
    version = publish(data, "remote")
    target = tmp_path / "copy"
    target.mkdir()
    (target / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="copy exists and does not hold the data version"):
        pull(version, "remote", target)
    (target / "mine.txt").unlink()
    pull(version, "remote", target)  # an empty folder is as good as none
    assert contents(target) == contents(data)


@pytest.mark.parametrize("url", ["gs://bucket/path", "nonsense://x", "s3fs://x"])
def test_remotes_that_cannot_be_used(data: Path, url: str) -> None:
    with pytest.raises(UserError, match=f"data remote {url} cannot be used"):
        publish(data, url)


def test_a_remote_that_cannot_be_written(data: Path, tmp_path: Path) -> None:
    (tmp_path / "remote").write_text("a file")
    with pytest.raises(MachineError, match="data remote remote cannot be reached"):
        publish(data, "remote")


@pytest.mark.parametrize("direction", ["publish", "pull"])
def test_a_full_disk(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, direction: str
) -> None:
    version = data_version(data)
    if direction == "pull":
        publish(data, "remote")

    def fail(_from: object, sources: list[str], _to: object, places: list[str], **options) -> None:
        error = OSError(errno.ENOSPC, "No space left on device")
        options["on_error"](sources[0], places[0], error)

    monkeypatch.setattr("dvc_objects.fs.generic.transfer", fail)
    with pytest.raises(MachineError, match="The disk is full"):
        publish(data, "remote") if direction == "publish" else pull(version, "remote", Path("copy"))
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    assert not (tmp_path / "copy").exists()
    if direction == "publish":  # half a version is none
        with pytest.raises(UserError, match="does not have the data version"):
            pull(version, "remote", Path("copy"))


def test_the_default_remote(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="No data remote is configured"):
        publish(data)
    checkout = tmp_path / "checkout"
    (checkout / ".dvc").mkdir(parents=True)
    (checkout / "below").mkdir()
    (checkout / ".dvc" / "config").write_text(
        "[core]\n    remote = Local\n['remote \"Local\"']\n    url = ../.rlr/remote\n"
    )
    monkeypatch.chdir(checkout / "below")
    version = publish(data)
    assert (checkout / ".rlr" / "remote" / "files" / "md5" / version[:2] / version[2:]).is_file()
    monkeypatch.setenv("RLR_DATA_REMOTE", str(tmp_path / "other"))
    publish(data)
    assert (tmp_path / "other" / "files" / "md5" / version[:2] / version[2:]).is_file()


def test_materialise(data: Path, tmp_path: Path) -> None:
    version = data_version(data)
    assert materialise(DataConfig(root="data")) == (Path("data"), version)
    pinned = DataConfig(root="data", version=version, remote="remote", cache="cache")
    assert materialise(pinned) == (Path("data"), version)  # no remote is needed
    assert not (tmp_path / "cache").exists()
    publish(data, "remote")
    (data / "readme.txt").write_text("changed")
    cached = Path("cache") / version.removesuffix(".dir")
    for _ in range(2):
        assert materialise(pinned) == (cached, version)
        assert data_version(cached) == version
        shutil.rmtree(tmp_path / "remote", ignore_errors=True)  # pulled once, it is not asked again
    (cached / "readme.txt").write_text("changed in the cache")
    with pytest.raises(UserError, match=r"cache/.* does not hold the data version"):
        materialise(pinned)
    with pytest.raises(UserError, match="data folder none is missing"):
        materialise(DataConfig(root="none"))


def test_several_processes_want_one_folder(data: Path, tmp_path: Path) -> None:
    version = publish(data, "remote")
    target = tmp_path / "cache" / "copy"
    code = f"""
from pathlib import Path
from rlr.data.versions import pull
pull({version!r}, "remote", Path({str(target)!r}))
"""
    pods = [subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) for _ in range(4)]
    assert [pod.wait(60) for pod in pods] == [0] * 4
    assert contents(target) == contents(data)
    assert os.listdir(target.parent) == ["copy"]


def test_who_waited_does_not_work_in_a_place_that_is_gone(data: Path, tmp_path: Path) -> None:
    version = publish(data, "remote")
    place = tmp_path / ".copy.partial"
    place.mkdir()
    with (place / "lock").open("w") as lock, ThreadPoolExecutor(1) as pool:
        fcntl.flock(lock, fcntl.LOCK_EX)
        waiting = pool.submit(pull, version, "remote", tmp_path / "copy")
        time.sleep(0.3)
        assert not waiting.done()
        shutil.rmtree(place)  # what the process that was first does when it is done
        fcntl.flock(lock, fcntl.LOCK_UN)
        waiting.result(30)
    assert contents(tmp_path / "copy") == contents(data)
    assert not place.exists()


@pytest.fixture
def killed_pull(data: Path, tmp_path: Path) -> tuple[str, Path]:
    """Return a version, and a target for which another process was killed half-way."""
    version = publish(data, "remote")
    target = tmp_path / "copy"
    code = f"""
import time
from importlib import import_module
from pathlib import Path
room = import_module("rlr.data.versions.pull")
def hang(folder):
    Path("half-way").touch()
    time.sleep(60)
room.hash_files = hang
room.pull({version!r}, "remote", Path({str(target)!r}))
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as process:
        while process.poll() is None and not (tmp_path / "half-way").exists():
            time.sleep(0.05)
        process.kill()
    return version, target


def test_a_killed_pull_leaves_no_folder_and_the_next_one_clears_up(
    killed_pull: tuple[str, Path], data: Path
) -> None:
    version, target = killed_pull
    left = target.parent / ".copy.partial"
    assert any((left / "objects").iterdir())
    assert not target.exists()
    pull(version, "remote", target)
    assert contents(target) == contents(data)
    assert not left.exists()


def test_pins_that_pin_nothing(tmp_path: Path) -> None:
    file = tmp_path / "data.dvc"
    with pytest.raises(UserError, match=r"data\.dvc is missing"):
        pinned_version(tmp_path)
    for text in ("outs: []\n", "", "outs: [\n", "- 1\n"):
        file.write_text(text)
        with pytest.raises(UserError, match=r"data\.dvc pins no data"):
            pinned_version(tmp_path)
    file.write_text("outs:\n- md5: abc\n")
    with pytest.raises(UserError, match="'abc' is no data version"):
        pinned_version(tmp_path)
