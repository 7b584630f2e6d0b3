"""What every test stands on: a quiet environment of its own, and where the shared data lie."""

import logging
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from rlr.data.manifest import Manifest

pytest_plugins = ["fixtures.services", "fixtures.containers", "fixtures.kubernetes"]

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def _own_environment(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Give the test a home and a tracking store of its own, and none of the user's settings."""
    for name in os.environ:
        if name.startswith(("RLR_", "MLFLOW_TRACKING", "MLFLOW_REGISTRY", "AWS_", "KF_", "KFP_")):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RLR_ENV_FILE", os.devnull)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{home / 'mlflow.db'}")
    if "boto3" in sys.modules:  # it remembers the credentials of the first test that used it
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    logger = logging.getLogger("rlr")
    before = logger.handlers, logger.level, logger.propagate
    threads = _threads() or int(os.environ.get("OMP_NUM_THREADS", "0"))
    yield
    logger.handlers, logger.level, logger.propagate = before
    if threads and _threads() not in (None, threads):  # sums depend on it in their last digits
        sys.modules["torch"].set_num_threads(threads)


def _threads() -> int | None:
    """Return how many threads torch computes with, where a test has loaded it."""
    torch = sys.modules.get("torch")
    return torch.get_num_threads() if torch else None


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


@pytest.fixture(scope="session")
def small_manifest(tmp_path_factory: pytest.TempPathFactory) -> "Manifest":
    """Return a manifest of two classes of small images: stripes and rings, some with a blot."""
    from rlr.config.data import DataConfig
    from rlr.data.index import index_images

    root = tmp_path_factory.mktemp("small")
    for name, pattern in (("rings", _rings), ("stripes", _stripes)):
        for index in range(16):
            _save(root / name / "train" / "good" / f"{index:03d}.png", pattern(index))
        for index in range(5):
            _save(root / name / "test" / "good" / f"{index:03d}.png", pattern(100 + index))
            image, mask = _blot(pattern(200 + index), index)
            _save(root / name / "test" / "blot" / f"{index:03d}.png", image)
            _save(root / name / "ground_truth" / "blot" / f"{index:03d}_mask.png", mask)
    return index_images(DataConfig(validation_fraction=0.3), root)


@pytest.fixture(scope="session")
def trained(small_manifest: "Manifest", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of one tiny training on `small_manifest`."""
    from rlr.config import load_config
    from rlr.training.train import train

    output = tmp_path_factory.mktemp("trained") / "train"
    train(load_config("tiny"), small_manifest, output)
    return output


@pytest.fixture(scope="session")
def trained_small(small_manifest: "Manifest", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the output folder of a shorter training on the same images, at half their size."""
    from rlr.config import load_config
    from rlr.training.train import train

    size = "features.preprocessing={height: 32, width: 32}"
    output = tmp_path_factory.mktemp("trained-small") / "train"
    train(load_config("tiny", [size, "training.epochs=1", "seed=7"]), small_manifest, output)
    return output


@pytest.fixture(scope="session")
def unjudged_manifest(
    small_manifest: "Manifest", tmp_path_factory: pytest.TempPathFactory
) -> "Manifest":
    """Return `small_manifest` with 17 unjudged images a class: `blot.png` shows a defect."""
    from rlr.config.data import DataConfig
    from rlr.data.index import index_images

    root = Path(shutil.copytree(small_manifest.root, tmp_path_factory.mktemp("unjudged") / "set"))
    for name in small_manifest.classes:
        folder = root / name
        for file in sorted((folder / "train" / "good").iterdir()):
            _save(folder / "unlabelled" / file.name, _turned(file))
        _save(folder / "unlabelled" / "blot.png", _turned(folder / "test" / "blot" / "000.png"))
    return index_images(DataConfig(validation_fraction=0.3), root)


def _turned(file: Path) -> np.ndarray:
    """Turn an image upside down: another picture of a part as good or as bad."""
    with Image.open(file) as image:
        return np.rot90(np.asarray(image), 2)


def _grid(index: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rows, columns = np.mgrid[:64, :64]
    return rows, columns, np.random.default_rng(index)


def _rings(index: int) -> np.ndarray:
    rows, columns, draws = _grid(index)
    x, y = draws.uniform(28, 36, size=2)
    waves = 128 + 90 * np.cos(np.hypot(rows - y, columns - x) / 2.5)
    return _camera(waves, draws)


def _stripes(index: int) -> np.ndarray:
    rows, columns, draws = _grid(index)
    waves = 128 + 60 * np.sin((rows + columns) / 3.0 + draws.uniform(0, 6))
    return _camera(waves, draws)


def _camera(grey: np.ndarray, draws: np.random.Generator) -> np.ndarray:
    noisy = grey[:, :, None] * (1.0, 0.9, 0.8) + draws.normal(0, 4, (64, 64, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _blot(image: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
    rows, columns, draws = _grid(1000 + index)
    x, y = draws.uniform(16, 48, size=2)
    inside = np.hypot(rows - y, columns - x) < 9
    image = image.copy()
    image[inside] = (20, 200, 30)
    return image, inside.astype(np.uint8) * 255


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
