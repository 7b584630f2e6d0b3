"""A data version in a folder, object by object, and the default remote of a checkout."""

import os
from pathlib import Path

import pytest

from rlr.data.versions import data_version, publish, set_default_remote, verify
from rlr.foundation.errors import MachineError, UserError


@pytest.fixture(autouse=True)
def _outside_of_the_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def version(mvtec: Path) -> str:
    """Return a version that lies in the folder `remote`."""
    (mvtec / "empty.txt").touch()
    (mvtec / "twin.png").write_bytes((mvtec / "bolt/test/good/000.png").read_bytes())
    return publish(mvtec, "remote")


def place_of(version: str, path: str, root: Path) -> Path:
    from rlr.data.versions.snapshot import take_snapshot

    md5 = take_snapshot(root).objects[path]
    return Path("remote/files/md5").absolute() / md5[:2] / md5[2:]


def test_all_is_there(version: str, mvtec: Path) -> None:
    found = verify(version, "remote")
    assert (found.faults, found.files, found.objects) == ([], 19, {"present": 18})
    assert verify(version, "remote", deep=True).objects == {"read": 18}


def test_every_file_of_a_bad_object_is_named(version: str, mvtec: Path) -> None:
    bad = place_of(version, "twin.png", mvtec)
    bad.chmod(0o644)
    bad.write_bytes(bad.read_bytes()[:-1] + b"\0")
    lost = place_of(version, "bolt/train/good/001.png", mvtec)
    lost.unlink()
    found = verify(version, "remote")
    assert [(each.path, each.finding) for each in found.faults] == [
        ("bolt/train/good/001.png", "missing")
    ]
    found = verify(version, "remote", deep=True)
    assert [(each.path, each.finding, each.key) for each in found.faults] == [
        ("bolt/test/good/000.png", "damaged", str(bad)),
        ("bolt/train/good/001.png", "missing", str(lost)),
        ("twin.png", "damaged", str(bad)),
    ]
    bad.write_bytes(b"")  # seen without reading
    assert len(verify(version, "remote").faults) == 3


def test_what_cannot_be_verified(version: str) -> None:
    with pytest.raises(UserError, match="'abc' is no data version"):
        verify("abc", "remote")
    with pytest.raises(UserError, match="does not have the data version"):
        verify("0" * 32 + ".dir", "remote")
    listing = Path("remote/files/md5") / version[:2] / version[2:]
    listing.chmod(0o644)
    listing.write_text("[]")
    with pytest.raises(MachineError, match="list of files of"):
        verify(version, "remote")


def test_the_default_remote_is_written_once_and_read_by_all(mvtec: Path) -> None:
    checkout = Path("checkout")
    (checkout / "below").mkdir(parents=True)
    os.chdir(checkout)
    file = set_default_remote("../remote")
    assert file == Path.cwd() / ".dvc" / "config"
    text = file.read_text()
    assert f"url = {Path.cwd().parent / 'remote'}" in text
    assert "verify = true" in text.lower()
    os.chdir("below")
    version = publish(mvtec)
    assert verify(version).faults == []
    assert version == data_version(mvtec)
    assert set_default_remote("../other", name="more") == file
    assert publish(mvtec) == version
    assert Path("../other/files/md5").is_dir()


def test_secrets_do_not_land_in_a_configuration() -> None:
    with pytest.raises(UserError, match="holds credentials") as told:
        set_default_remote("s3://key:secret@bucket/path")
    assert "secret@" not in str(told.value)
    assert os.listdir() == []
