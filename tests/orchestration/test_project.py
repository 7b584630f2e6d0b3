import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from rlr.foundation.errors import UserError
from rlr.orchestration.project import Project, find_project


def test_the_nearest_folder_upwards_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "outer" / "pipelines").mkdir(parents=True)
    inner = tmp_path / "outer" / "inner"
    (inner / "pipelines").mkdir(parents=True)
    (inner / "src" / "deep").mkdir(parents=True)
    monkeypatch.chdir(inner / "src" / "deep")
    assert find_project().root == inner
    monkeypatch.chdir(tmp_path / "outer")
    assert find_project().root == tmp_path / "outer"


def test_elsewhere_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="--project"):
        find_project()


def test_a_named_folder_must_be_a_checkout(tmp_path: Path, repository: Path) -> None:
    assert find_project(repository).root == repository
    with pytest.raises(UserError, match="has no folder pipelines/"):
        find_project(tmp_path)


def test_pipelines_are_listed_with_what_they_say_of_themselves(
    make_project: Callable[..., Project],
) -> None:
    project = make_project()
    (project.root / "pipelines" / "_shared.py").touch()
    assert project.pipeline_names() == ["short"]
    assert project.summary("short") == "A pipeline for a test."


def test_two_checkouts_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("components", "components.part"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))  # somebody else's
    for name in ("one", "two"):
        folder = tmp_path / name
        (folder / "pipelines").mkdir(parents=True)
        (folder / "components").mkdir()
        (folder / "components" / "part.py").write_text(f"NAME = '{name}'\n")
        (folder / "pipelines" / "same.py").write_text("from components.part import NAME\n")
        with Project(folder).load("same") as module:
            assert name == module.NAME
