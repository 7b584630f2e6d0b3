"""Data versions in a real S3 server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlr.data.versions import data_version, publish, pull
from rlr.foundation.errors import MachineError, UserError

pytestmark = pytest.mark.services

BUCKET = "versions-of-a-test"
REMOTE = f"s3://{BUCKET}/sets"
Settings = dict[str, str]


@pytest.fixture
def bucket(services: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[object]:
    """Yield a bucket of its own."""
    import boto3

    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    store = boto3.resource("s3").Bucket(BUCKET)
    store.create()
    yield store
    store.objects.delete()
    store.delete()


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_there_and_back(bucket: object, mvtec: Path, tmp_path: Path) -> None:
    version = publish(mvtec, REMOTE)
    assert version == data_version(mvtec)
    pull(version, REMOTE, tmp_path / "copy")
    assert contents(tmp_path / "copy") == contents(mvtec)


def test_a_missing_and_a_damaged_object_are_named(
    bucket: object, mvtec: Path, tmp_path: Path
) -> None:
    version = publish(mvtec, REMOTE)
    keys = [entry.key for entry in bucket.objects.all() if not entry.key.endswith(".dir")]
    victim = bucket.Object(keys[0])
    victim.put(Body=b"something else")
    with pytest.raises(MachineError, match=f"holds a damaged {BUCKET}/{keys[0]}, which is .*png"):
        pull(version, REMOTE, tmp_path / "copy")
    victim.delete()
    with pytest.raises(MachineError, match=f"misses {BUCKET}/{keys[0]}, which is .*png of"):
        pull(version, REMOTE, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_refusals_are_sentences(
    bucket: object, mvtec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="does not have the data version"):
        pull("0" * 32 + ".dir", REMOTE, tmp_path / "copy")
    with pytest.raises(UserError, match="s3://no-such-bucket/x does not exist"):
        publish(mvtec, "s3://no-such-bucket/x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(UserError, match=r"refuses access .*SignatureDoesNotMatch"):
        publish(mvtec, f"{REMOTE}/other")
