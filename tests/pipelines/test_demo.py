"""The demo in a copy of the checkout that git watches."""

import importlib.util
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from rlr.config import load_config
from rlr.foundation.errors import UserError

PARTS = ("tools", "components", "pipelines", ".dvc", ".dvcignore", ".gitignore", "data.dvc")


@pytest.fixture
def checkout(tmp_path: Path, repository: Path) -> Path:
    """Return a copy of what the demo needs, committed to a repository of its own."""
    copy = tmp_path / "checkout"
    copy.mkdir()
    for name in PARTS:
        source = repository / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "tmp", "cache")
            shutil.copytree(source, copy / name, ignore=ignored)
        else:
            shutil.copy(source, copy / name)
    identity = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    _git(copy, "init", "--quiet")
    _git(copy, "add", ".")
    _git(copy, *identity, "commit", "--quiet", "-m", "copy")
    return copy


@pytest.fixture
def demo(checkout: Path) -> ModuleType:
    """Return the demo of the copy as a module."""
    spec = importlib.util.spec_from_file_location("demo", checkout / "tools" / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _git(folder: Path, *words: str) -> str:
    command = ["git", "-C", str(folder), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
def test_the_demo_runs_alone_and_leaves_no_trace_in_git(
    checkout: Path, start: Callable[..., Any]
) -> None:
    done = start(checkout.parent, checkout / "tools" / "demo.py", "--config", "tiny")
    assert done.status == 0, done.stderr
    assert done.connections == []
    assert _git(checkout, "status", "--porcelain") == ""
    lines = done.stdout.splitlines()
    heading = next(line for line in lines if line.startswith("class"))
    assert heading.split()[1:3] == ["image_auroc", "baseline's"]
    assert any(line.startswith("mean") for line in lines)
    for label in ("Registered: models:/rlr/1", "Report: ", "MLflow UI: "):
        assert any(line.startswith(label) for line in lines), label
    report = next(line for line in lines if line.startswith("Report:")).split()[-1]
    assert Path(report).is_file()
    assert (checkout / ".rlr" / "remote").is_dir()


def test_images_that_are_there_are_used_again(
    checkout: Path, demo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    config = load_config("tiny", ["synthetic.train_good=1", "synthetic.test_good=1"])
    first = demo.make_images(config, Path(".rlr/set"), pinned=False)
    before = {path: path.stat().st_mtime_ns for path in Path(".rlr/set").rglob("*.png")}
    assert before
    assert demo.make_images(config, Path(".rlr/set"), pinned=False) == first
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_machine_that_draws_differently_says_so_and_goes_on(
    checkout: Path, demo: ModuleType, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    monkeypatch.chdir(checkout)
    config = load_config("tiny", ["synthetic.train_good=1", "synthetic.test_good=1"])
    version = demo.make_images(config, Path("data"), pinned=True)
    assert f"its data version is {version}" in caplog.text


def test_other_files_in_the_folder_are_left_alone(
    checkout: Path, demo: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(checkout)
    (checkout / "data").mkdir()
    (checkout / "data" / "mine.png").write_bytes(b"mine")
    config = load_config("tiny", ["synthetic.train_good=1", "synthetic.test_good=1"])
    with pytest.raises(UserError, match="holds other files"):
        demo.make_images(config, Path("data"), pinned=True)
    assert [path.name for path in (checkout / "data").iterdir()] == ["mine.png"]


def _outcome(model: float | None, baseline: float | None) -> dict[str, Any]:
    def table(value: float | None) -> dict[str, Any]:
        values = {"image_auroc": value}
        return {"native": {"per_class": {}, "mean": values, "pooled": values}}

    return {"metrics": table(model), "baseline": table(baseline)}


@pytest.mark.parametrize(
    ("preset", "model", "baseline", "status"),
    [
        ("demo", 0.70, 0.60, 0),
        ("demo", 0.6999, 0.60, 1),
        ("demo", 0.60, 0.70, 1),
        ("demo", None, 0.60, 1),
        ("tiny", 0.50, 0.60, 0),
    ],
)
def test_the_demo_fails_unless_the_model_is_clearly_better(
    demo: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    caplog: Any,
    preset: str,
    model: float | None,
    baseline: float | None,
    status: int,
) -> None:
    monkeypatch.setattr("sys.argv", ["demo.py", "--config", preset])
    monkeypatch.setattr(demo, "run_demo", lambda preset: _outcome(model, baseline))
    monkeypatch.setattr(demo, "show", lambda summary: None)
    monkeypatch.setattr(demo, "PROJECT", Path.cwd())
    assert demo.main() == status
    assert ("mean image AUROC" in caplog.text) == bool(status)
