"""How a build is asked for, followed and explained; a script stands for the Docker client.

It says what the real one was heard to say. That images come out is for `test_images.py`.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rlr.foundation.errors import MachineError, UserError
from rlr.infrastructure.images import steps
from rlr.infrastructure.images.build import Recipe, build_images
from rlr.infrastructure.images.build_secrets import collect
from rlr.infrastructure.images.client import find_client
from rlr.infrastructure.images.failures import explain

SCRIPT = """#!/bin/sh
case "$1" in
  --version) echo "{version}" ;;
  buildx) echo "docker: 'buildx' is not a docker command." >&2; exit 1 ;;
  version) {daemon} ;;
  build) printf '%s\\n' "$@" >{folder}/words; env >{folder}/environment; {build} ;;
  image) cat {folder}/{answer} ;;
esac
"""
BUILT_IN = "Docker version 20.10.24+dfsg1, build 297e128"
SPLIT = "Docker version 28.2.2, build e6534b4"
Client = Callable[..., Path]


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """Return a function that puts a client on the PATH, behind those that it has put there."""

    def install(
        name: str = "one", version: str = BUILT_IN, daemon: str = "echo 20.10.24", build: str = ":"
    ) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        text = SCRIPT.format(
            version=version, daemon=daemon, build=build, folder=folder, answer="answer.json"
        )
        (folder / "docker").write_text(text)
        (folder / "docker").chmod(0o755)
        (folder / "answer.json").write_text(json.dumps([{"Id": "sha256:00", "Size": 5}]))
        monkeypatch.setenv("PATH", f"{os.environ['PATH']}:{folder}")
        return folder

    # The script's own commands, in a folder without a docker.
    tools = tmp_path / "tools"
    tools.mkdir()
    for word in ("cat", "env", "git"):
        found = shutil.which(word)
        if found:
            (tools / word).symlink_to(found)
    monkeypatch.setenv("PATH", str(tools))
    return install


@pytest.fixture(autouse=True)
def _no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("PIP_", "UV_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


def test_a_client_that_cannot_build_is_passed_over(client: Client) -> None:
    client("split", version=SPLIT)
    other = client("builtin")
    assert find_client() == str(other / "docker")


def test_no_client_and_none_that_builds_are_told(client: Client) -> None:
    with pytest.raises(MachineError, match="no command docker on the PATH"):
        find_client()
    client("split", version=SPLIT)
    with pytest.raises(MachineError, match="cannot build with BuildKit; install its plug-in"):
        find_client()


def test_a_daemon_that_is_away_is_told(client: Client) -> None:
    client(daemon='echo "Cannot connect to the Docker daemon at unix:///x." >&2; exit 1')
    with pytest.raises(MachineError, match=r"No Docker daemon can be used \(Cannot connect"):
        find_client()


def test_the_recipe_reaches_the_client(
    client: Client, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.touch()
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:hunter2@packages.invalid/simple")
    folder = client()
    recipe = Recipe("base:1", "hub.invalid/team/", "7", bundle, "host", fresh=True)
    (made,) = build_images(repository, ["train"], recipe)
    words = (folder / "words").read_text()
    assert (made.reference, made.id, made.size) == ("hub.invalid/team/rlr-train:7", "sha256:00", 5)
    for part in ("--target\ntrain\n", "--network\nhost\n", "BASE_IMAGE=base:1\n", "--no-cache\n"):
        assert part in words
    assert f"id=ca,src={bundle}\n" in words
    assert "id=index,env=RLR_BUILD_INDEX\n" in words
    assert "hunter2" not in words  # of a command line, which everybody on the machine can read
    environment = (folder / "environment").read_text()
    assert "DOCKER_BUILDKIT=1\n" in environment
    # Said to pip, and to uv as well.
    assert "UV_DEFAULT_INDEX=https://me:hunter2@packages.invalid/simple\n" in environment


def test_what_the_index_settings_say_is_not_logged(
    client: Client,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("UV_INDEX", "https://me:hunter2@packages.invalid/simple")
    client(build='echo "#9 0.1 error: https://me:hunter2@packages.invalid/simple/x: 500"; exit 1')
    with caplog.at_level(logging.DEBUG, "rlr"), pytest.raises(MachineError) as told:
        build_images(repository, ["pipeline"])
    assert "***/x: 500" in str(told.value)
    assert "hunter2" not in f"{caplog.text}{told.value}"


def test_folders_of_this_machine_stay_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///srv/simple")
    monkeypatch.setenv("UV_CACHE_DIR", "/home/me/cache")
    assert collect(None).options() == []


@pytest.mark.parametrize(("size", "words"), [(None, "is missing"), (600_000, "larger than")])
def test_a_bundle_that_cannot_go_in_is_refused(
    size: int | None, words: str, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    if size:
        bundle.write_bytes(bytes(size))
    with pytest.raises(UserError, match=words):
        collect(bundle)


BASE_MISSING = [
    "#3 [internal] load metadata for docker.io/library/python:3.11.15-slim-bookworm",
    "#3 sha256:5824dd76",
    '#3 ERROR: failed to do request: Head "https://hub.invalid/v2/": no such host',
]
TLS = "#7 1.2 invalid peer certificate: UnknownIssuer"
LOOKUP = "#7 1.2 Caused by: dns error: failed to lookup address information"
FULL = "failed to copy: write /var/lib/x: no space left on device"
SPACE = "#9 2.5   cause: failed to write to file `/tmp/x`: No space left on device (os error 28)"
BRIDGE = "#9 ERROR: failed to create endpoint s52 on network bridge: could not find bridge docker0"
PARSE = 'dockerfile parse error: failed to parse stage name "A b": invalid reference format'
TAG = 'invalid argument "rlr-train:a b" for "-t, --tag" flag: invalid reference format'
LOCK = "#9 0.4 requirements.lock and pyproject.toml disagree: the lock has no x; run `make lock`."


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (BASE_MISSING, MachineError, "python:3.11.15-slim-bookworm cannot be had (failed to do"),
        (BASE_MISSING, MachineError, "infra/docker/base-image.sh makes one without a registry"),
        ([TLS], MachineError, "--ca-bundle"),
        ([LOOKUP], MachineError, "is not reached from inside of the build (dns error)"),
        ([FULL], MachineError, "The disk of the Docker daemon is full"),
        ([SPACE], MachineError, "The disk of the Docker daemon is full"),
        ([PARSE], UserError, '(failed to parse stage name "A b"); give --base-image'),
        ([TAG], UserError, '"rlr-train:a b" is no name of an image; correct --prefix and --tag'),
        ([LOCK], UserError, "disagree: the lock has no x; run `make lock`."),
        ([BRIDGE], MachineError, "its own network; try --network host"),
        (["#9 0.1 boom.", "#9 ERROR: ran [/bin/sh -c x]: 3"], MachineError, "not built: boom;"),
        (["#9 ERROR: ran [/bin/sh -c x]: exit code: 3"], MachineError, "not built: exit code: 3;"),
        ([], MachineError, "the client said nothing"),
    ],
)
def test_a_failure_is_one_sentence(lines: list[str], kind: type, words: str) -> None:
    told = explain(lines, "rlr-x:1")
    assert type(told) is kind
    assert words in str(told)
    assert "\n" not in str(told)


def test_slow_steps_and_silence_are_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "HEARTBEAT", 0.05)

    def output() -> Iterator[str]:
        yield "#5 [wheel 1/2] COPY src ./src\n"
        yield "#5 DONE 0.1s\n"
        yield "#6 [train-dependencies 1/1] RUN --mount=type=secret,id=ca uv pip install\n"
        time.sleep(0.2)
        yield "#6 DONE 71.1s\n"

    with caplog.at_level(logging.INFO, "rlr"):
        steps.Steps("rlr-train:1").follow(output())
    messages = [record.getMessage() for record in caplog.records]
    name = "rlr-train:1: [train-dependencies 1/1] RUN uv pip install"
    assert messages[0] == f"{name}, 0 s so far"
    assert messages[-1] == f"{name} took 71.1 s"
    assert not any("COPY" in message for message in messages)
