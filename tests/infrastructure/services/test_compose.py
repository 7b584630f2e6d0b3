"""The compose file, as far as it can be held against rules without an engine; and its commands."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlr.config.services import ServicesConfig
from rlr.foundation.errors import MachineError
from rlr.infrastructure.services import compose, stack
from rlr.infrastructure.services.compose import (
    IMAGE,
    Compose,
    compose_file,
    images,
    why_no_containers,
)
from rlr.infrastructure.services.place import Place

SERVICES = {"s3", "postgres", "mlflow"}
# Compose's own specification, as far as the file goes: another key would be a slip.
KEYS = {
    "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck", "image",
    "init", "ports", "pull_policy", "read_only", "restart", "security_opt", "stop_signal",
    "tmpfs", "user", "volumes",
}  # fmt: skip
FAKE = """#!/usr/bin/env python3
import json, os, pathlib, sys
here = pathlib.Path(__file__).parent
with (here / "calls").open("a") as file:
    leaked = [name for name in os.environ if name.startswith("RLR_LOCAL_")]
    file.write(json.dumps([sys.argv[1:], leaked]) + "\\n")
words = " ".join(sys.argv[1:])
for line in (here / "failing").read_text().splitlines():
    if line and line in words:
        sys.exit(f"some words\\n{line} failed")
print('{"Pid": 4711}')
"""


class Docker:
    """A double of the program `docker`: it records what it is asked, and fails where told."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        program = folder / "docker"
        program.write_text(FAKE)
        program.chmod(0o755)
        self.fail("")

    def fail(self, *words: str) -> None:
        (self._folder / "failing").write_text("\n".join(words))

    @property
    def calls(self) -> list[str]:
        lines = (self._folder / "calls").read_text().splitlines()
        assert all(json.loads(line)[1] == [] for line in lines), "variables of the user came along"
        return [" ".join(json.loads(line)[0]) for line in lines]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Docker(folder)


@pytest.fixture
def no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the services of containers that are not there answer."""
    for name in ("s3", "postgres", "mlflow_server"):
        monkeypatch.setattr(getattr(compose, name), "why_unable", lambda *_: None)
    monkeypatch.setattr(compose.s3, "why_no_buckets", lambda *_: None)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return yaml.safe_load(compose_file().read_text())


def test_the_folder_of_infrastructure_shows_the_file_of_the_package(repository: Path) -> None:
    assert (repository / "infra" / "local" / "compose.yaml").resolve() == compose_file().resolve()


def test_the_file_says_only_what_compose_knows(document: dict[str, Any]) -> None:
    assert set(document) == {"x-hardened", "services", "volumes"}
    assert set(document["services"]) == SERVICES
    for service in document["services"].values():
        assert set(service) <= KEYS
        assert set(service["healthcheck"]) == {
            "test", "interval", "timeout", "retries", "start_period",
        }  # fmt: skip
        assert service["healthcheck"]["test"][0] == "CMD"
        for other in service.get("depends_on", {}):
            assert other in SERVICES


def test_images_are_pinned_to_an_exact_version(document: dict[str, Any]) -> None:
    assert IMAGE in images()
    for image in images():
        tag = image.rpartition(":")[2]
        assert re.fullmatch(r"v?\d+\.\d+(\.\d+)?(-\w+)?", tag), image


def test_nothing_is_published_beyond_loopback(document: dict[str, Any]) -> None:
    ports = [port for service in document["services"].values() for port in service["ports"]]
    assert len(ports) == 3
    assert all(re.fullmatch(r"127\.0\.0\.1:\$\{RLR_LOCAL_\w+_PORT:\?\}:\d+", one) for one in ports)


def test_data_lie_in_named_volumes(document: dict[str, Any]) -> None:
    mounted = {
        volume.partition(":")[0]
        for service in document["services"].values()
        for volume in service.get("volumes", [])
    }
    assert mounted == set(document["volumes"]) == {"s3", "postgres"}


def test_containers_are_locked_down(document: dict[str, Any]) -> None:
    for service in document["services"].values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
    assert document["services"]["postgres"]["user"] == "999:999"


def test_every_variable_comes_from_the_file_that_is_written(
    docker: Docker, no_questions: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RLR_LOCAL_IMAGE", "of-the-user")
    place = Place(ServicesConfig(folder=str(tmp_path / "services")))
    with place.alone():
        Compose(place).up(place.choose("docker"))
    file = tmp_path / "services" / "compose.env"
    assert file.stat().st_mode & 0o777 == 0o600
    written = dict(line.split("=", 1) for line in file.read_text().splitlines())
    used = re.findall(r"\$\{?(\w+)([^}]*)\}?", compose_file().read_text())
    assert {name for name, _ in used} == set(written)
    assert {form for _, form in used} == {":?"}  # one that is missing stops everything
    assert all(written.values())
    [call] = docker.calls
    assert f"--env-file {file} --file {compose_file()} up --detach --wait" in call
    assert not any(word in call for name, word in written.items() if "KEY" in name)


def test_up_and_down_with_containers(docker: Docker, no_questions: None, tmp_path: Path) -> None:
    config = ServicesConfig(folder=str(tmp_path / "services"), engine="docker")
    started = stack.up(config, tmp_path / "env")
    assert started.engine == "docker"
    assert started.faults() == []
    assert started.services[0].daemons == {"s3": 4711}
    settings = Place(config).settings()
    assert settings is not None
    lines = (tmp_path / "env").read_text().splitlines()[1:]
    assert dict(line.split("=", 1) for line in lines) == settings.variables()
    assert stack.up(config, tmp_path / "env") == started  # the same ports and credentials
    stack.down(config)
    assert not (tmp_path / "env").exists()
    assert docker.calls[-1].endswith(" down")  # and no volume goes with it
    projects = {call.split()[2] for call in docker.calls if call.startswith("compose --project")}
    assert len(projects) == 1


def test_containers_that_do_not_come_up_are_removed_again(
    docker: Docker, no_questions: None, tmp_path: Path
) -> None:
    docker.fail("--detach")
    config = ServicesConfig(folder=str(tmp_path / "services"), engine="docker")
    with pytest.raises(MachineError, match=r"did not come up: --detach failed"):
        stack.up(config, tmp_path / "env")
    assert docker.calls[-1].endswith(" down")
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize(
    ("failing", "reason"),
    [
        ((), None),
        (("compose version",), "docker has no compose plugin"),
        (("info",), "the Docker daemon does not answer"),
        (("image inspect postgres",), None),
        (("image inspect postgres", "pull"), r"the image postgres:\S+ cannot be pulled"),
        (("image inspect rlr-pipeline",), r"rlr-pipeline:\S+ is not built yet \(`rlr images"),
    ],
)
def test_what_containers_need(failing: tuple[str, ...], reason: str | None, docker: Docker) -> None:
    docker.fail(*failing)
    found = why_no_containers()
    assert (found is None) if reason is None else re.search(reason, str(found))


def test_a_machine_without_docker_has_no_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert why_no_containers() == "docker is not installed"
