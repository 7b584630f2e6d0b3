"""The patch of a checkout: complete, applicable, without secrets, and without a trace."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.foundation.changes import read_changes

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Return a function that calls git in a repository with two committed files."""
    root = tmp_path / "checkout"
    root.mkdir()

    def call(*words: str) -> str:
        command = ["git", "-C", str(root), "-c", "user.name=n", "-c", "user.email=e", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    call("init", "--quiet")
    (root / "src").mkdir()
    (root / "src" / "a.py").write_text("a = 1\n")
    (root / "README").write_text("old\n")
    (root / ".gitignore").write_text("/src/ignored.py\n")
    call("add", ".")
    call("commit", "--quiet", "-m", "first")
    return call


@pytest.fixture
def root(git: Git, tmp_path: Path) -> Path:
    return tmp_path / "checkout"


def test_the_patch_makes_the_same_tree(git: Git, root: Path, tmp_path: Path) -> None:
    (root / "src" / "a.py").write_text("a = 2\n")
    (root / "src" / "new.bin").write_bytes(bytes(range(256)))
    (root / "src" / "ignored.py").write_text("password = 1\n")
    (root / "notes.txt").write_text("nobody trains on notes\n")
    (root / "README").unlink()
    changes = read_changes(root, 10_000)
    assert changes is not None
    assert changes.patch is not None
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "--quiet", str(root), str(other)], check=True)
    subprocess.run(["git", "-C", str(other), "apply"], input=changes.patch, check=True)
    assert (other / "src" / "a.py").read_text() == "a = 2\n"
    assert (other / "src" / "new.bin").read_bytes() == bytes(range(256))
    assert not (other / "README").exists()
    assert not (other / "notes.txt").exists()
    assert not (other / "src" / "ignored.py").exists()


def test_secrets_stay_where_they_are(git: Git, root: Path) -> None:
    (root / ".env").write_text("old\n")
    git("add", "--force", ".env")
    git("commit", "--quiet", "-m", "a mistake")
    (root / ".env").write_text("AWS_SECRET_ACCESS_KEY=abc\n")
    (root / "src" / "server.KEY").write_text("abc\n")
    (root / "src" / ".env.local").write_text("abc\n")
    changes = read_changes(root, 10_000)
    assert changes is not None
    assert changes.patch == b""


def test_looking_leaves_no_trace(git: Git, root: Path) -> None:
    (root / "src" / "new.py").write_text("b = 1\n")
    (root / "src" / "a.py").write_text("a = 3\n")
    git("add", "src/a.py")

    def state() -> list[str]:
        return [git("status", "--porcelain"), git("count-objects", "-v"), git("diff", "--cached")]

    before = state()
    changes = read_changes(root, 10_000)
    assert changes is not None
    assert b"b = 1" in (changes.patch or b"")
    assert state() == before


def test_the_settings_of_a_user_change_nothing(git: Git, root: Path) -> None:
    (root / "src" / "a.py").write_text("a = 4\n")
    plain = read_changes(root, 10_000)
    for key, value in [("diff.noprefix", "true"), ("diff.context", "9"), ("color.diff", "always")]:
        git("config", key, value)
    assert read_changes(root, 10_000) == plain


def test_of_a_large_patch_the_digest_is_kept(git: Git, root: Path) -> None:
    (root / "src" / "a.py").write_text("a = 5\n" * 500)
    whole, bounded = read_changes(root, 100_000), read_changes(root, 100)
    assert whole is not None
    assert bounded is not None
    assert bounded.patch is None
    assert bounded.sha256 == whole.sha256
    assert bounded.size == whole.size == len(whole.patch or b"")


def test_without_git_nobody_can_tell(tmp_path: Path) -> None:
    assert read_changes(tmp_path, 100) is None
