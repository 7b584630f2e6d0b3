"""Data versions and a real S3 server, when something breaks: `dvc` itself, processes, networks."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fixtures.proxy import Proxy

from rlr.data.versions import (
    data_version,
    pin,
    publish,
    pull,
    set_default_remote,
    verify,
)
from rlr.foundation.errors import MachineError, UserError

pytestmark = pytest.mark.services

Paint = Callable[..., Path]


@pytest.fixture
def bucket(
    services: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Any]:
    """Yield a bucket of its own, and an empty working directory."""
    import boto3

    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("RLR_DATA_REMOTE")
    for name in ("site_cache", "global_config", "system_config"):
        monkeypatch.setenv(f"DVC_{name.upper()}_DIR", str(tmp_path / "dvc" / name))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    place = tmp_path / "work"
    place.mkdir()
    monkeypatch.chdir(place)
    store = boto3.session.Session().resource("s3").Bucket(f"sets-{uuid.uuid4().hex[:12]}")
    store.create()
    yield store
    store.objects.delete()
    store.delete()


@pytest.fixture
def proxy(
    bucket: Any, services: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Proxy]:
    made = Proxy(services["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def data(bucket: Any, paint: Paint) -> Path:
    """Return a set of 42 images."""
    for number in range(40):
        paint(Path("data") / "bolt" / "train" / "good" / f"{number:03d}.png", size=(64, 64))
    for number in range(2):
        paint(Path("data") / "bolt" / "test" / "bent" / f"{number:03d}.png", size=(64, 64))
    return Path("data")


def run(*words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *(str(word) for word in words)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert not check or done.returncode == 0, done.stderr
    return done


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def puts(proxy: Proxy) -> int:
    return sum(line.startswith("PUT ") for line in proxy.requests)


def gets(proxy: Proxy) -> list[str]:
    return [line for line in proxy.requests if line.startswith("GET ") and "/files/md5/" in line]


def kill_when(words: list[str], ready: Callable[[], bool]) -> None:
    """Run a command of the interpreter, and kill it as soon as something is so."""
    command = [sys.executable, "-m", *words]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True) as process:
        while process.poll() is None and not ready():
            time.sleep(0.01)
        assert process.poll() is None, "it ended before it could be killed"
        os.killpg(process.pid, signal.SIGKILL)


def test_dvc_and_rlr_share_a_remote_that_verifies(bucket: Any, data: Path) -> None:
    url = f"s3://{bucket.name}/sets"
    answer = run("rlr", "data", "remote", url, "--json")
    assert json.loads(answer.stdout)["config"] == str(Path.cwd() / ".dvc" / "config")
    assert "verify = true" in Path(".dvc/config").read_text().lower()
    run("dvc", "add", "-q", "data")
    run("dvc", "push", "-q")
    version = data_version(data)
    assert json.loads(run("rlr", "data", "verify", "--json").stdout)["objects"] == {"etag": 42}
    pull(version, None, Path("by-rlr"))
    assert contents(Path("by-rlr")) == contents(data)
    before = contents(data)
    for leftover in ("data", ".dvc/cache"):
        subprocess.run(["rm", "-r", leftover], check=True)
    run("dvc", "pull", "-q")
    assert contents(Path("data")) == before


def test_damage_that_dvc_hides_or_does_not_name_is_named(bucket: Any, data: Path) -> None:
    url = f"s3://{bucket.name}/sets"
    version = publish(data, url)
    keys = sorted(entry.key for entry in bucket.objects.all() if not entry.key.endswith(".dir"))
    bucket.Object(keys[0]).put(Body=b"another image")
    bucket.Object(keys[1]).delete()
    md5s = [key.removeprefix("sets/files/md5/").replace("/", "") for key in keys[:2]]
    by_md5 = {snapshot: path for path, snapshot in _objects(data).items()}
    expected = {(by_md5[md5s[0]], "damaged", keys[0]), (by_md5[md5s[1]], "missing", keys[1])}
    for deep in (False, True):
        found = verify(version, url, deep)
        faults = {(each.path, each.finding, each.key.partition("/")[2]) for each in found.faults}
        assert faults == expected
    assert found.objects == {"damaged": 1, "missing": 1, "read": 40}

    Path("pod").mkdir()
    pin(data, Path("pod"))
    os.chdir("pod")
    run("dvc", "init", "--no-scm", "-q")
    run("dvc", "remote", "add", "-q", "-d", "blind", url)
    bucket.Object(keys[1]).put(Body=b"one more")
    run("dvc", "pull", "-q")  # succeeds, and has written two wrong files
    assert (Path("data") / by_md5[md5s[0]]).read_bytes() == b"another image"
    set_default_remote(url, "storage")
    subprocess.run(["rm", "-r", "data", ".dvc/cache"], check=True)
    assert run("dvc", "pull", "-q", check=False).returncode != 0
    answer = run("rlr", "data", "pull", "-o", "checked", check=False)
    named = sorted(by_md5[md5] for md5 in md5s)[0]
    assert answer.returncode == 1
    assert f"which is {named} of {version} (`rlr data verify` names 1 more)" in answer.stderr
    answer = run("rlr", "data", "verify", check=False)
    assert answer.returncode == 1
    assert "2 of 42 files" in answer.stderr
    for key, path in zip(keys[:2], (by_md5[md5] for md5 in md5s), strict=True):
        assert path in answer.stdout
        assert key in answer.stdout


def _objects(folder: Path) -> dict[str, str]:
    from rlr.data.versions.snapshot import take_snapshot

    return take_snapshot(folder).objects


def test_a_killed_publish_goes_on(bucket: Any, data: Path, proxy: Proxy) -> None:
    url = f"s3://{bucket.name}/sets"
    proxy.pause = 0.05
    kill_when(["rlr", "data", "publish", "data", "--remote", url], lambda: puts(proxy) >= 12)
    version = data_version(data)
    there = sum(1 for _ in bucket.objects.all())
    assert 0 < there < 42
    with pytest.raises(UserError, match="does not have the data version"):
        pull(version, url, Path("half"))
    proxy.pause = 0.0
    proxy.requests.clear()
    assert publish(data, url) == version
    assert puts(proxy) == 42 - there + 1  # and the list
    pull(version, url, Path("whole"))
    assert contents(Path("whole")) == contents(data)


def test_a_killed_dvc_push_goes_on(bucket: Any, data: Path, proxy: Proxy) -> None:
    url = f"s3://{bucket.name}/sets"
    set_default_remote(url)
    run("dvc", "add", "-q", "data")
    proxy.pause = 0.05
    kill_when(["dvc", "push", "-q"], lambda: puts(proxy) >= 12)
    there = sum(1 for _ in bucket.objects.all())
    assert 0 < there < 42
    proxy.pause = 0.0
    proxy.requests.clear()
    run("dvc", "push", "-q")
    assert puts(proxy) == 42 - there + 1
    assert verify(data_version(data), url).faults == []


def test_a_server_that_goes_away_in_the_middle_of_a_pull(
    bucket: Any, data: Path, proxy: Proxy
) -> None:
    url = f"s3://{bucket.name}/sets"
    version = publish(data, url)
    proxy.limit = 200_000
    with pytest.raises(MachineError, match=r"cannot be reached .*of 42 objects are here and stay"):
        pull(version, url, Path("copy"))
    assert not Path("copy").exists()
    here = len(list(Path(".copy.partial/objects").iterdir()))
    assert 0 < here < 42
    # A file that was cut, as a machine that lost its power may leave one, is fetched again.
    cut = next(Path(".copy.partial/objects").iterdir())
    cut.write_bytes(cut.read_bytes()[:100])
    proxy.limit = None
    proxy.requests.clear()
    pull(version, url, Path("copy"))
    assert contents(Path("copy")) == contents(data)
    assert len(gets(proxy)) == 42 - here + 1 + 1  # the cut one, and the list
    assert not Path(".copy.partial").exists()


def test_two_pods_of_a_node_pull_once(bucket: Any, data: Path, proxy: Proxy) -> None:
    url = f"s3://{bucket.name}/sets"
    version = publish(data, url)
    proxy.requests.clear()
    words = [sys.executable, "-m", "rlr", "data", "pull", "--version", version, "--remote", url]
    cache = Path("cache").absolute()
    pods = []
    for name in ("one", "two"):
        Path(name).mkdir()
        pods.append(
            subprocess.Popen(
                words, cwd=name, env={**os.environ, "RLR_DATA_CACHE": str(cache)}, text=True,
                stdout=subprocess.PIPE,
            )
        )  # fmt: skip
    answers = [pod.communicate(timeout=120)[0] for pod in pods]
    assert [pod.returncode for pod in pods] == [0, 0]
    place = cache / version.removesuffix(".dir")
    assert answers == [f"{place} holds {version}.\n"] * 2
    assert contents(place) == contents(data)
    assert os.listdir(cache) == [place.name]
    assert len(gets(proxy)) == 42 + 1


def test_a_remote_that_refuses(bucket: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"s3://{bucket.name}/sets"
    version = publish(data, url)
    with pytest.raises(UserError, match="s3://no-such-bucket/x does not exist"):
        set_default_remote("s3://no-such-bucket/x")
    with pytest.raises(UserError, match="does not have the data version"):
        verify("0" * 32 + ".dir", url)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    for action in (
        lambda: pull(version, url, Path("copy")),
        lambda: verify(version, url),
        lambda: set_default_remote(url),
    ):
        with pytest.raises(UserError, match="refuses access"):
            action()
    assert sorted(os.listdir()) == ["data"]
