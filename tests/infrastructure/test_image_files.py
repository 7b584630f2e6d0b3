"""The files that images are made of, looked at without building any."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rlr.infrastructure.images.names import ROLES
from rlr.infrastructure.images.source import context_files, context_names, read_source

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def dockerfile(repository: Path) -> str:
    return (repository / "infra" / "docker" / "Dockerfile").read_text()


@pytest.mark.parametrize(
    ("tool", "pattern"), [("hadolint", "Dockerfile"), ("shellcheck", "*.sh"), ("ruff", "*.py")]
)
def test_the_tools_have_nothing_to_say(tool: str, pattern: str, repository: Path) -> None:
    files = [str(file) for file in (repository / "infra" / "docker").glob(pattern)]
    words = [str(BIN / tool), *(["check"] if tool == "ruff" else []), *files]
    assert files
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=repository)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_role_is_a_target_with_a_numeric_user(dockerfile: str) -> None:
    stages = dict(re.findall(r"^FROM \S+ AS (\S+)\n(.*?)(?=^FROM|\Z)", dockerfile, re.M | re.S))
    for role in ROLES:
        assert "\nUSER 10001:10001\n" in stages[role]
        assert "\nENTRYPOINT" not in stages[role]  # Kubeflow's runner gives a command alone


def test_the_base_is_named_by_an_exact_tag(dockerfile: str) -> None:
    assert re.search(r"^ARG BASE_IMAGE=python:3\.11\.\d+-slim-bookworm$", dockerfile, re.M)
    assert set(re.findall(r"^FROM (\S+:\S+|\$\S+) ", dockerfile, re.M)) == {"${BASE_IMAGE}"}


def test_what_is_copied_is_what_the_build_sees(dockerfile: str, repository: Path) -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.M)
    names = {name for line in copied for name in line.split()}
    assert names == set(context_names(repository))
    assert all((repository / name).exists() for name in names)


def test_the_digest_follows_what_the_build_sees(repository: Path, tmp_path: Path) -> None:
    for file in [*context_files(repository), repository / "infra/docker/Dockerfile.dockerignore"]:
        target = tmp_path / file.relative_to(repository)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    same = read_source(tmp_path).sha256
    assert same == read_source(repository).sha256
    (tmp_path / "notes.txt").touch()
    assert read_source(tmp_path).sha256 == same
    (tmp_path / "src/rlr/new.py").touch()
    assert read_source(tmp_path).sha256 != same


def requirements(repository: Path, *words: str) -> subprocess.CompletedProcess[str]:
    script = repository / "infra" / "docker" / "requirements.py"
    command = [sys.executable, str(script), *words]
    return subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)


def test_an_entry_of_the_lock_is_printed_as_it_stands_there(repository: Path) -> None:
    printed = requirements(repository, "--only", "uv").stdout
    assert re.match(r"uv==\S+ \\\n    --hash=sha256:", printed)
    assert printed in (repository / "requirements.lock").read_text()


def test_a_package_that_the_lock_does_not_have_is_named(repository: Path) -> None:
    done = requirements(repository, "--only", "Not_There")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "requirements.lock and pyproject.toml disagree: the lock has no not-there; "
        "run `make lock`.\n"
    )
