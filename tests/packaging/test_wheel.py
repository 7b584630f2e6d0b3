"""The wheel carries the package and the identity of the code, and nothing else."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
IDENTITY = """
import json
from rlr.foundation.build import current_build
print(json.dumps(current_build().as_dict()))
"""


def build(repository: Path, target: Path, **environment: str) -> Path:
    """Build the wheel with the hatchling of this environment, as an installer would."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)]
    subprocess.run(command, cwd=repository, check=True, env=os.environ | environment)
    (wheel,) = target.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(repository, tmp_path_factory.mktemp("wheel"), RLR_COMMIT=COMMIT)


def facts(wheel: Path) -> dict:
    with zipfile.ZipFile(wheel) as archive:
        return dict(json.loads(archive.read("rlr/_build.json")))


def test_it_carries_only_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rlr"}


def test_it_carries_every_file_of_the_package(wheel: Path, repository: Path) -> None:
    package = repository / "src" / "rlr"
    expected = {
        f"rlr/{path.relative_to(package).as_posix()}"
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as archive:
        carried = {name for name in archive.namelist() if name.startswith("rlr/")}
    assert {
        "rlr/config/presets/published.yaml",
        "rlr/features/packaged/rlrnet.safetensors",
        "rlr/foundation/page.html",
    } <= carried
    assert carried == expected | {"rlr/_build.json"}


def test_the_facts_are_in_the_wheel_and_not_in_the_tree(wheel: Path, repository: Path) -> None:
    lock = hashlib.sha256((repository / "requirements.lock").read_bytes()).hexdigest()
    baked = facts(wheel)
    assert baked["commit"] == COMMIT
    assert baked["dirty"] is False
    assert baked["lock_sha256"] == lock
    assert not (repository / "src" / "rlr" / "_build.json").exists()


def test_the_installed_package_knows_itself_without_git(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", IDENTITY],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )
    identity = json.loads(done.stdout)
    assert identity["commit"] == COMMIT
    assert identity["version"] == facts(wheel)["version"]


def test_a_changed_tree_is_said_to_be_one(repository: Path, tmp_path: Path) -> None:
    baked = facts(build(repository, tmp_path, RLR_COMMIT=f"{COMMIT}-dirty"))
    assert baked["commit"] == COMMIT
    assert baked["dirty"] is True


def test_git_is_asked_where_nobody_says_the_commit(repository: Path, tmp_path: Path) -> None:
    baked = facts(build(repository, tmp_path, RLR_COMMIT=""))
    command = ["git", "-C", str(repository), "rev-parse", "HEAD"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert baked["commit"] == (asked.stdout.strip() or "unknown")
