"""Each component by itself: what it imports, what it says, what it fills."""

import ast
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlr.foundation.errors import UserError

NAMES = [
    "decide",
    "evaluate",
    "gate",
    "import_data",
    "notify",
    "promote",
    "register",
    "reject_data",
    "report",
    "skip_training",
    "train",
    "train_distributed",
    "validate_data",
    "watch_drift",
]


def test_these_are_all(repository: Path) -> None:
    found = sorted(file.parent.name for file in repository.glob("components/*/component.py"))
    assert found == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_component_imports_the_standard_library_and_kfp_alone(
    repository: Path, name: str
) -> None:
    """Whoever compiles a pipeline loads it without the packages that its steps need."""
    tree = ast.parse((repository / "components" / name / "component.py").read_text())
    modules = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module).partition(".")[0])
    assert modules - set(sys.stdlib_module_names) == {"kfp"}


@pytest.mark.parametrize("name", NAMES)
def test_a_component_is_thin(repository: Path, name: str) -> None:
    tree = ast.parse((repository / "components" / name / "component.py").read_text())
    (function,) = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    statements = [
        node
        for node in function.body[1:]  # after its docstring
        if not isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert len(statements) <= 6


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_names_every_input_and_output(
    repository: Path, name: str, component: Callable[[str], Any]
) -> None:
    text = (repository / "components" / name / "README.md").read_text()
    spec = component(name).component_spec
    assert text.startswith(f"# {name}\n")
    for label in [*(spec.inputs or {}), *(spec.outputs or {})]:
        assert f"`{label}`" in text, label
    assert f"from components.{name}.component import {name}" in text


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_installed(name: str, component: Callable[[str], Any]) -> None:
    container = component(name).component_spec.implementation.container
    assert "pip install" not in " ".join(container.command)


def test_reject_data_fails_with_the_reason(component: Callable[[str], Any]) -> None:
    with pytest.raises(UserError, match=r"^a\.png is black\.$"):
        component("reject_data").python_func("a.png is black.")


def test_notify_never_fails(
    component: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp import dsl

    monkeypatch.setenv("RLR_WEBHOOK_URL", "http://127.0.0.1:9/")
    status = dsl.PipelineTaskFinalStatus("FAILED", "run-1", "run", 1, "a step failed")
    component("notify").python_func(status, config="tiny")
