"""Rules of the house that import-linter does not hold: what rooms may load from outside."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

FREE_OF_TORCH = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
    assert "torch" not in sys.modules, module.name
"""


def imported(file: Path) -> Iterator[str]:
    """Yield the modules that a file imports anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield str(node.module)


@pytest.mark.parametrize(
    ("room", "allowed"),
    [
        ("model", {"torch", "rlr.model"}),
        ("evaluation/metrics", {"numpy", "scipy", "sklearn", "rlr.evaluation.metrics"}),
    ],
)
def test_a_room_imports_nothing_else(room: str, allowed: set[str], repository: Path) -> None:
    place = repository / "src" / "rlr" / room
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    assert files
    for file in files:
        for name in imported(file):
            known = name.partition(".")[0] in sys.stdlib_module_names
            inside = any(name == one or name.startswith(f"{one}.") for one in allowed)
            assert known or inside, f"{file.name} imports {name}"


@pytest.mark.parametrize("room", ["rlr.registry", "rlr.validation", "rlr.orchestration"])
def test_a_room_does_not_load_torch(room: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FREE_OF_TORCH, room],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
