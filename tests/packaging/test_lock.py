"""The lock file holds what pyproject.toml asks for, and names no place it came from."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^ ;\\]+)", re.MULTILINE)


def requirements(repository: Path) -> Iterator[Requirement]:
    """Yield what the project asks for: to run, in its extras, and to be built."""
    document = tomllib.loads((repository / "pyproject.toml").read_text())
    project = document["project"]
    lists = [project["dependencies"], *project["optional-dependencies"].values()]
    for line in (
        *document["build-system"]["requires"],
        *(line for lines in lists for line in lines),
    ):
        requirement = Requirement(line)
        if requirement.name != project["name"]:
            yield requirement


@pytest.fixture(scope="module")
def lock(repository: Path) -> str:
    return (repository / "requirements.lock").read_text()


@pytest.fixture(scope="module")
def pins(lock: str) -> dict[str, str]:
    return {canonicalize_name(found["name"]): found["version"] for found in PIN.finditer(lock)}


def test_every_requirement_is_pinned_to_a_version_it_allows(
    repository: Path, pins: dict[str, str]
) -> None:
    wanted = list(requirements(repository))
    assert len(wanted) > 30
    for requirement in wanted:
        pinned = pins.get(canonicalize_name(requirement.name))
        assert pinned, f"{requirement.name} is not in requirements.lock; run `make lock`"
        assert requirement.specifier.contains(pinned, prereleases=True), (
            f"{requirement} is pinned to {pinned} in requirements.lock; run `make lock`"
        )


def test_every_pin_has_its_hashes(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", lock.strip())
    assert len(entries) > 100
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_lock_names_no_index_and_no_host(lock: str) -> None:
    assert "://" not in lock
    assert "index-url" not in lock
    assert "find-links" not in lock
