"""The hosted CI: the tiers of .ci/run, with few rights and nothing that can change under it."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

PINNED = re.compile(r"- uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@pytest.fixture(scope="module")
def text(repository: Path) -> str:
    return (repository / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def workflow(text: str) -> dict[str, Any]:
    # "on" is true to YAML 1.1, and text to those who wrote the format.
    return yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes text, lists and maps alone


def commands(job: dict[str, Any]) -> str:
    """Return what a job runs, once a cell of its matrix."""
    runs = "\n".join(step.get("run", "") for step in job["steps"])
    cells = job["strategy"]["matrix"]["include"]
    return "\n".join(runs.replace("${{ matrix.target }}", cell["target"]) for cell in cells)


def test_both_cis_call_the_same_make_targets(workflow: dict[str, Any], repository: Path) -> None:
    here = (repository / ".ci" / "run").read_text(encoding="utf-8")
    called = [set(re.findall(r"\bmake ([a-z0-9-]+)", ci)) for ci in (here, hosted(workflow))]
    assert called[0] == called[1]
    assert called[0] >= {"lint", "test", "test-services", "test-images", "test-e2e", "demo"}


def hosted(workflow: dict[str, Any]) -> str:
    return "\n".join(commands(job) for job in workflow["jobs"].values())


def test_what_it_uses_is_pinned_by_commit(text: str) -> None:
    lines = [line.strip() for line in text.splitlines() if "uses:" in line]
    assert len(lines) >= 4
    assert [line for line in lines if not PINNED.fullmatch(line)] == []


def test_it_may_read_and_no_more_and_comes_to_an_end(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["group"]
    for job in workflow["jobs"].values():
        assert "permissions" not in job
        assert job["timeout-minutes"] == "${{ matrix.minutes }}"
        assert all(int(cell["minutes"]) <= 45 for cell in job["strategy"]["matrix"]["include"])
        checkouts = [step for step in job["steps"] if "checkout" in step.get("uses", "")]
        assert [step["with"]["persist-credentials"] for step in checkouts] == ["false"]


def test_it_installs_the_packages_that_ci_installs(
    workflow: dict[str, Any], repository: Path
) -> None:
    here = (repository / ".ci" / "run").read_text(encoding="utf-8")
    cells = [
        cell for job in workflow["jobs"].values() for cell in job["strategy"]["matrix"]["include"]
    ]
    named = {package for cell in cells for package in cell.get("packages", "").split()}
    given = {"python3-venv", "docker.io"}  # a hosted machine has them
    looped = re.findall(r"for package in ([^;]+);", here)
    needed = set(re.findall(r"^need ([a-z0-9.-]+) ", here, re.MULTILINE)) | {
        package for words in looped for package in words.split()
    }
    assert needed - given <= named
