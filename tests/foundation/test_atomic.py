"""Writes are there whole or not at all, whatever happens in the middle of one."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from rlr.foundation.atomic import atomic_file, atomic_folder
from rlr.foundation.errors import MachineError, UserError

KILLED_FILE = """
import os, signal, sys
from pathlib import Path
from rlr.foundation.atomic import atomic_file
with atomic_file(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
KILLED_FOLDER = """
import os, signal, sys
from pathlib import Path
from rlr.foundation.atomic import atomic_folder
with atomic_folder(Path(sys.argv[1])) as temporary:
    (temporary / "part").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_file_replaces_the_older_one(tmp_path: Path) -> None:
    target = tmp_path / "new" / "file.txt"
    for text in ("one", "two"):
        with atomic_file(target) as temporary:
            temporary.write_text(text)
            assert temporary.parent == target.parent  # a rename never crosses a disk
        assert target.read_text() == text
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def test_a_file_has_the_permissions_of_the_user(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        with atomic_file(tmp_path / "file"):
            pass
        with atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o750


def test_a_folder_replaces_the_older_one_and_all_its_files(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    for name in ("old", "new"):
        with atomic_folder(target) as temporary:
            (temporary / name).write_text(name)
    assert [path.name for path in target.iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("writer", [atomic_file, atomic_folder])
def test_an_error_in_the_middle_leaves_what_was_there(
    writer: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    target = tmp_path / "target"
    with writer(target):
        pass
    before = target.stat().st_ino
    with pytest.raises(ZeroDivisionError), writer(target):
        raise ZeroDivisionError
    assert target.stat().st_ino == before
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


@pytest.mark.parametrize("script", [KILLED_FILE, KILLED_FOLDER], ids=["file", "folder"])
def test_a_kill_in_the_middle_leaves_no_target(script: str, tmp_path: Path) -> None:
    target = tmp_path / "target"
    done = subprocess.run([sys.executable, "-c", script, str(target)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not target.exists()


@pytest.mark.parametrize("writer", [atomic_file, atomic_folder])
@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
        (errno.EROFS, "cannot be written"),
        (errno.EACCES, "cannot be written"),
    ],
)
def test_a_refusing_disk_is_one_sentence_and_leaves_nothing(
    writer: Callable[[Path], AbstractContextManager[Path]],
    number: int,
    words: str,
    tmp_path: Path,
) -> None:
    with pytest.raises(MachineError, match=words) as failure, writer(tmp_path / "target"):
        raise OSError(number, os.strerror(number))
    assert str(tmp_path / "target") in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_at_the_last_moment_leaves_the_older_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "target"
    target.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="disk is full"), atomic_file(target) as temporary:
        temporary.write_text("new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_a_file_in_the_place_of_a_folder_is_told_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(UserError, match="is a file"), atomic_folder(file):
        pytest.fail("must be refused before the work")
    with pytest.raises(MachineError, match="cannot be written"), atomic_file(file / "below"):
        pytest.fail("must be refused before the work")
    assert file.read_text() == "mine"
