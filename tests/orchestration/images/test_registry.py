"""Digests from Debian's docker-registry, which is the real server of the distribution API."""

import base64
import hashlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests

from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.compile import compile_pinned
from rlr.orchestration.images import Images, pin_images
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project

pytestmark = pytest.mark.services

# The password is "word"; bcrypt with the least rounds.
USERS = "me:$2b$05$bJ6YQAGu08bcqPcVRakgMOliOJ0xYHNFR1G2qz86A8egbpoX650yG\n"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
Start = Callable[..., str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Yield a function that starts a registry, and returns its host."""
    program = shutil.which("docker-registry")
    if not program:
        pytest.skip("docker-registry: Debian's package is not installed")
    started: list[subprocess.Popen[bytes]] = []

    def run(locked: bool = False) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            host = f"127.0.0.1:{probe.getsockname()[1]}"
        folder = tmp_path / "registry"
        folder.mkdir()
        settings: dict[str, object] = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
            "http": {"addr": host},
        }
        if locked:
            (folder / "users").write_text(USERS)
            settings["auth"] = {"htpasswd": {"realm": "test", "path": str(folder / "users")}}
        file = folder / "config.yml"
        file.write_text(json.dumps(settings))
        with (folder / "log").open("wb") as log:
            started.append(subprocess.Popen([program, "serve", file], stdout=log, stderr=log))
        _wait_for(f"http://{host}/v2/")
        return host

    yield run
    for process in started:
        process.terminate()
        process.wait(10)


def _wait_for(page: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            requests.get(page, timeout=1)
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError(f"{page} does not answer")


def push(host: str, name: str, tag: str, label: str, auth: tuple[str, str] | None = None) -> str:
    """Push an image without layers, and return its digest."""
    base = f"http://{host}/v2/{name}"
    config = json.dumps({"config": {"Labels": {"name": label}}}).encode()
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    begun = requests.post(f"{base}/blobs/uploads/", auth=auth, timeout=10)
    begun.raise_for_status()
    requests.put(
        begun.headers["Location"], params={"digest": digest}, data=config, auth=auth, timeout=10
    ).raise_for_status()
    kind = "application/vnd.oci.image.config.v1+json"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": kind, "size": len(config), "digest": digest},
            "layers": [],
        }
    ).encode()
    requests.put(
        f"{base}/manifests/{tag}",
        data=manifest,
        headers={"Content-Type": MANIFEST},
        auth=auth,
        timeout=10,
    ).raise_for_status()
    return f"sha256:{hashlib.sha256(manifest).hexdigest()}"


def log_in(folder: Path, host: str, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what `docker login` leaves."""
    pair = base64.b64encode(f"me:{word}".encode()).decode()
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": pair}}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def test_a_tag_becomes_the_digest_that_it_has_now(start: Start) -> None:
    host = start()
    images = Images(f"{host}/rlr-pipeline:1.0", f"{host}/team/rlr-train:1.0")
    old = push(host, "rlr-pipeline", "1.0", "old"), push(host, "team/rlr-train", "1.0", "old")
    assert pin_images(images) == Images(
        f"{host}/rlr-pipeline@{old[0]}", f"{host}/team/rlr-train@{old[1]}"
    )
    new = push(host, "rlr-pipeline", "1.0", "new")
    assert new != old[0]
    pinned = pin_images(images)
    assert pinned.pipeline == f"{host}/rlr-pipeline@{new}"
    assert pin_images(pinned) == pinned


def test_the_compiled_pipeline_names_digests(start: Start, repository: Path) -> None:
    host = start()
    light, heavy = push(host, "rlr-pipeline", "1", "a"), push(host, "rlr-train", "1", "b")
    names = (f"{host}/rlr-pipeline:1", f"{host}/rlr-train:1")
    text = compile_pinned(Project(repository), "training", Parameters("tiny"), *names)
    for image in (f"{host}/rlr-pipeline@{light}", f"{host}/rlr-train@{heavy}"):
        assert f"image: {image}" in text
        assert f"value: {image}" in text  # RLR_IMAGE
    assert names[0] not in text


def test_what_is_not_there_is_told(start: Start) -> None:
    host = start()
    images = Images(f"{host}/rlr-pipeline:1.0", f"{host}/rlr-train:1.0")
    with pytest.raises(UserError, match=f"{host} has no image rlr-pipeline:1.0; push it first"):
        pin_images(images)
    assert pin_images(images, allow_tag=True) == images


def test_a_locked_registry_wants_what_docker_login_has_stored(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = start(locked=True)
    digest = push(host, "rlr", "1", "x", ("me", "word"))
    images = Images(f"{host}/rlr:1", f"{host}/rlr:1")
    with pytest.raises(UserError, match=rf"refuses access to rlr:1 .*docker login {host}"):
        pin_images(images)
    log_in(tmp_path / "docker", host, "wrong", monkeypatch)
    with pytest.raises(UserError, match=r"refuses access to rlr:1 \(status 401\)") as error:
        pin_images(images)
    assert "wrong" not in str(error.value)
    log_in(tmp_path / "docker", host, "word", monkeypatch)
    assert pin_images(images).train == f"{host}/rlr@{digest}"


def test_a_registry_that_is_gone_is_told() -> None:
    images = Images("127.0.0.1:9/rlr:1", "127.0.0.1:9/rlr:1")
    with pytest.raises(MachineError, match=r"127\.0\.0\.1:9 cannot be asked \(ConnectionError\)"):
        pin_images(images)
