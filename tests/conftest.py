"""What every test stands on: a quiet environment of its own, and where the shared data lie."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _own_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Give the test a home and a tracking store of its own, and none of the user's settings."""
    for name in os.environ:
        if name.startswith(("RLR_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY", "AWS_", "KFP_")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    logger = logging.getLogger("rlr")
    before = logger.handlers, logger.level, logger.propagate
    yield
    logger.handlers, logger.level, logger.propagate = before


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder with golden numbers, real images and real weights, or skip."""
    folder = REPOSITORY.parent / "shared"
    if not (folder / "golden").is_dir():
        pytest.skip("shared: the folder beside the checkout is missing")
    return folder


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str


@pytest.fixture
def rlr(capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Return a function that runs the command line in this process: `rlr("train", "--help")`."""
    from rlr.cli import main

    def run(*words: str | Path) -> Answer:
        capfd.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        out, err = capfd.readouterr()
        return Answer(int(stop.value.code or 0), out, err)

    return run
