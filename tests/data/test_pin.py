"""What this checkout pins, and where it looks for it."""

from pathlib import Path

import pytest

from rlr.config import load_config
from rlr.data.generated import generate_set
from rlr.data.versions import pinned_version, publish


@pytest.mark.slow
def test_the_generated_set_is_the_pinned_one(repository: Path, tmp_path: Path) -> None:
    version, _ = generate_set(load_config("demo").synthetic, tmp_path / "data")
    assert version == pinned_version(repository), (
        "the generator has changed: rm -r data && rlr data synth && rlr data publish --pin"
    )


def test_the_default_remote_is_a_folder_that_git_ignores(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (".dvc/config", ".gitignore"):
        copy = tmp_path / "checkout" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((repository / name).read_bytes())
    monkeypatch.chdir(tmp_path / "checkout")
    Path("set").mkdir()
    Path("set/a.txt").write_text("a")
    version = publish(Path("set"))
    assert Path(".rlr/remote/files/md5", version[:2], version[2:]).is_file()
    assert "/.rlr/" in Path(".gitignore").read_text().splitlines()
