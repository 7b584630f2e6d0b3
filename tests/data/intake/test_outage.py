"""An S3 server that is killed in the middle of an import and of a pull, and started again."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.proxy import Proxy
from fixtures.services import LocalServices

from rlr.data.versions import publish

from .conftest import picture

pytestmark = pytest.mark.services


@pytest.fixture
def proxy(
    own_services: LocalServices, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Proxy]:
    """Yield a proxy that is slow enough for a server to be killed meanwhile."""
    for name, value in own_services.variables.items():
        monkeypatch.setenv(name, value)
    made = Proxy(own_services.variables["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.chdir(tmp_path)
    yield made
    made.close()


def broken_off(words: list[str], store: Path, stack: LocalServices) -> str:
    """Run a command, kill the server when some objects are here, and return what it says."""
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not (store.is_dir() and len(list(store.iterdir())) > 3):
            time.sleep(0.02)
        assert process.poll() is None, "it ended before the server was killed"
        stack.kill("radosgw")
        _, said = process.communicate(timeout=180)
    assert process.returncode == 1
    return said.splitlines()[-1]


def test_s3_is_killed_and_comes_back(own_services: LocalServices, proxy: Proxy) -> None:
    import boto3

    bucket = boto3.session.Session().resource("s3").Bucket("camera")
    bucket.create()
    images = {picture(number, side=64) for number in range(24)}
    for number, image in enumerate(sorted(images)):
        bucket.put_object(Key=f"{number}.png", Body=image)
    rlr = [sys.executable, "-m", "rlr", "data"]

    proxy.pause = 0.1
    words = [*rlr, "import", "s3://camera", "data", "--class", "bolt"]
    words += ["--set", "data.intake.concurrency=2"]
    said = broken_off(words, Path(".data.partial/fetched"), own_services)
    assert said.startswith("rlr: s3://camera/")
    assert "of 24 objects are here and stay for the next import" in said
    assert not Path("data").exists()
    proxy.pause = 0.0
    own_services.up()
    subprocess.run(words, check=True)
    assert {path.read_bytes() for path in Path("data").rglob("*.png")} == images

    version = publish(Path("data"))
    proxy.pause = 0.1
    words = [*rlr, "pull", "--version", version, "-o", "copy"]
    said = broken_off(words, Path(".copy.partial/objects"), own_services)
    assert said.startswith("rlr: The data remote s3://rlr-data/versions cannot be reached")
    assert "objects are here and stay for the next pull" in said
    assert not Path("copy").exists()
    proxy.pause = 0.0
    own_services.up()
    subprocess.run(words, check=True)
    assert {path.read_bytes() for path in Path("copy").rglob("*.png")} == images
    assert sorted(os.listdir()) == [".rlr", "copy", "data"]
