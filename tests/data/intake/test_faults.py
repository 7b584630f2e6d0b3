"""What networks, servers, disks and people do in the middle of an import."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.proxy import Proxy

from rlr.data.versions import data_version
from rlr.foundation.errors import MachineError, UserError

from .conftest import picture

pytestmark = pytest.mark.services

Import = Callable[..., Any]
STORE = Path(".data.partial/fetched")


@pytest.fixture
def twelve(camera: Any) -> Any:
    """Return the bucket with twelve images of 12 kB each."""
    for number in range(12):
        camera.put_object(Key=f"{number}.png", Body=picture(number, side=64))
    return camera


def images_in(folder: str) -> set[bytes]:
    return {path.read_bytes() for path in Path(folder).rglob("*.png")}


def everything() -> set[bytes]:
    return {picture(number, side=64) for number in range(12)}


def test_a_server_that_goes_away_in_the_middle(twelve: Any, take: Import, proxy: Proxy) -> None:
    proxy.limit = 100_000
    with pytest.raises(MachineError, match=r"of 12 objects are here and stay for the next") as told:
        take(concurrency=2)
    assert "cannot be reached" in str(told.value)
    assert os.listdir() == [".data.partial"]
    here = len(list(STORE.iterdir()))
    assert 1 <= here < 12
    assert not list(STORE.glob("*.part"))
    proxy.limit = None
    proxy.requests.clear()
    take()
    assert sum(".png" in line for line in proxy.requests) == 12 - here
    assert images_in("data") == everything()
    assert os.listdir() == ["data"]


def test_a_large_object_that_is_cut_off(
    camera: Any, take: Import, proxy: Proxy, tmp_path: Path
) -> None:
    camera.put_object(Key="big.png", Body=picture(0, side=2000))
    camera.put_object(Key="small.png", Body=picture(1))
    proxy.limit = 7_000_000
    with pytest.raises(MachineError, match=r"big\.png"):
        take(part_size=5 * 2**20)
    assert not Path("data").exists()
    assert not list(STORE.glob("big*"))
    proxy.limit = None
    take(part_size=5 * 2**20)
    assert images_in("data") == {picture(0, side=2000), picture(1)}


def test_a_killed_import_goes_on(twelve: Any, proxy: Proxy) -> None:
    words = [sys.executable, "-m", "rlr", "data", "import", f"s3://{twelve.name}", "data"]
    words += ["--class", "bolt", "--set", "data.intake.concurrency=1"]
    proxy.pause = 0.2
    with subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None and len(list(STORE.glob("*.png"))) < 3:
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGKILL)
    here = {path.name for path in STORE.glob("*.png")}
    assert here
    assert not Path("data").exists()
    proxy.pause = 0.0
    proxy.requests.clear()
    subprocess.run(words, check=True)
    assert sum(".png" in line for line in proxy.requests) == 12 - len(here)
    assert images_in("data") == everything()
    assert sorted(os.listdir()) == [".rlr", "data"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a mounted disk of 64 kB."""
    if os.geteuid() != 0:
        pytest.skip("mount: only root can make a disk that is full")
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", place], check=True)
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk(twelve: Any, take: Import, proxy: Proxy, small_disk: Path) -> None:
    with pytest.raises(MachineError, match=r"The disk is full; free some space .*stay for the"):
        take(root=f"{small_disk}/data", concurrency=1)
    assert os.listdir(small_disk) == [".data.partial"]
    here = len(list((small_disk / STORE).iterdir()))
    assert here == 4
    subprocess.run(["mount", "-o", "remount,size=1m", small_disk], check=True)
    proxy.requests.clear()
    take(root=f"{small_disk}/data")
    assert sum(".png" in line for line in proxy.requests) == 8
    assert images_in(f"{small_disk}/data") == everything()
    assert os.listdir(small_disk) == ["data"]


def test_a_disk_that_is_full_when_the_tree_is_made(
    camera: Any, take: Import, small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera.put_object(Key="0.png", Body=picture(0, side=64))
    before = take(root=f"{small_disk}/data").manifest.version
    for number in range(1, 3):
        camera.put_object(Key=f"{number}.png", Body=picture(number, side=64))

    def no_links(*words: object, **more: object) -> None:
        raise OSError(1, "Operation not permitted")  # as on a disk without hard links

    monkeypatch.setattr("os.link", no_links)
    with pytest.raises(MachineError, match="the disk is full"):
        take(root=f"{small_disk}/data")
    assert data_version(small_disk / "data") == before
    assert images_in(f"{small_disk}/data") == {picture(0, side=64)}


def test_an_object_that_is_deleted_after_it_was_listed(
    twelve: Any, take: Import, proxy: Proxy
) -> None:
    def delete(request: str) -> None:
        if request.endswith("/3.png"):
            twelve.Object("3.png").delete()

    proxy.on_request = delete
    imported = take()
    assert imported.left_out == {"3.png": "was deleted while it was imported"}
    assert images_in("data") == everything() - {picture(3, side=64)}


@pytest.mark.parametrize("side", [64, 2000])
def test_an_object_that_is_overwritten_after_it_was_listed(
    twelve: Any, take: Import, proxy: Proxy, side: int
) -> None:
    twelve.put_object(Key="3.png", Body=picture(3, side=side))

    def overwrite(request: str) -> None:
        if request.endswith("/3.png"):
            proxy.on_request = None
            twelve.put_object(Key="3.png", Body=picture(99, side=side))

    proxy.on_request = overwrite
    imported = take(part_size=5 * 2**20)
    assert imported.left_out == {"3.png": "was overwritten while it was imported"}
    proxy.on_request = None
    again = take(part_size=5 * 2**20)
    assert (again.new, again.left_out) == (1, {})
    assert picture(99, side=side) in images_in("data")


def test_bytes_that_change_on_the_way(camera: Any, take: Import, proxy: Proxy) -> None:
    body = picture(0) + b"MARK"
    camera.put_object(Key="0.png", Body=body)
    proxy.replace = (b"MARK", b"MERK")
    with pytest.raises(MachineError, match=r"0\.png did not arrive whole in 2 tries \(its md5"):
        take()
    assert proxy.asked("GET", "/0.png") == 2
    assert os.listdir() == []

    def heal(request: str) -> None:
        if proxy.asked("GET", "/0.png") == 4:
            proxy.replace = None

    proxy.on_request = heal
    take()
    assert images_in("data") == {body}


def test_a_stored_checksum_is_held_against_what_arrives(
    camera: Any, take: Import, proxy: Proxy
) -> None:
    body = picture(0, side=1500) + b"MARK"
    camera.put_object(Key="0.png", Body=body, ChecksumAlgorithm="SHA256")
    proxy.replace = (b"MARK", b"MERK")
    with pytest.raises(MachineError, match=r"0\.png did not arrive whole in 2 tries"):
        take(part_size=5 * 2**20)


def test_a_slow_server_is_waited_for_and_a_silent_one_is_not(
    twelve: Any, take: Import, proxy: Proxy
) -> None:
    proxy.pause = 0.4
    assert take(timeout=1.0).new == 12
    proxy.pause = 4.0
    started = time.monotonic()
    with pytest.raises(MachineError, match=r"cannot be reached \(Read timeout"):
        take(timeout=1.0, root="other")
    assert time.monotonic() - started < 20
    assert sorted(os.listdir()) == ["data"]


def test_what_the_server_refuses(
    twelve: Any, take: Import, monkeypatch: pytest.MonkeyPatch
) -> None:
    from rlr.config.data import DataConfig
    from rlr.config.intake import IntakeConfig
    from rlr.data.intake import import_images

    config = DataConfig(root="data", intake=IntakeConfig(attempts=1, timeout=2.0))
    with pytest.raises(UserError, match=r"The bucket of s3://no-such-bucket/x/ does not exist"):
        import_images(config, "s3://no-such-bucket/x")
    with pytest.raises(UserError, match=r"The bucket of s3://No_Bucket!/ does not exist"):
        import_images(config, "s3://No_Bucket!")
    with pytest.raises(UserError, match=r"labels\.csv does not exist; correct the name"):
        take(labels_csv=f"s3://{twelve.name}/labels.csv")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(UserError, match=r"refuses access to s3://.* \(SignatureDoesNotMatch\)"):
        take()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    with pytest.raises(UserError, match=r"refuses access to s3://.* \(InvalidAccessKeyId\)"):
        take()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UserError, match=r"refuses access to .*credentials.*; check AWS_ACCESS_KEY"):
        take()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(MachineError, match=r"cannot be reached \(Could not connect .*127"):
        take()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "127.0.0.1")
    with pytest.raises(UserError, match=r"S3 cannot be used \(Invalid endpoint"):
        take()
    assert os.listdir() == []
