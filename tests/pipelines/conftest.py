"""Commands as a user starts them: in processes of their own, whose connections are listed."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WATCH = """
import os, sys

def watch(event, arguments):
    if event not in ("socket.connect", "socket.sendto", "socket.getaddrinfo"):
        return
    host = arguments[0] if event == "socket.getaddrinfo" else arguments[-1]
    if isinstance(host, tuple):
        host = host[0]
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    local = ("127.", "::1", "localhost", "/", "\\0")
    if host is None or str(host).startswith(local) or host == "":
        return
    with open(os.environ["WATCHED_CONNECTIONS"], "a") as file:
        file.write(f"{sys.argv[:1]} {event} {host}\\n")

sys.addaudithook(watch)
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind.

    Attributes:
        status: Exit status.
        stdout: What it printed.
        stderr: What it printed beside.
        connections: Every connection to another machine, of it and its children.
    """

    status: int
    stdout: str
    stderr: str
    connections: list[str]


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Done]:
    """Return a function that runs Python in a folder, with none of the user's settings."""
    watcher = tmp_path_factory.mktemp("watcher")
    (watcher / "sitecustomize.py").write_text(WATCH)

    def run(folder: Path, *words: str | Path, **variables: str) -> Done:
        log = watcher / f"{os.urandom(4).hex()}.log"
        log.touch()
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": str(folder),
            "PYTHONPATH": str(watcher),
            "WATCHED_CONNECTIONS": str(log),
            "OMP_NUM_THREADS": "1",
            **variables,
        }
        done = subprocess.run(
            [sys.executable, *(str(word) for word in words)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        connections = log.read_text().splitlines()
        return Done(done.returncode, done.stdout, done.stderr, connections)

    return run


@pytest.fixture(scope="session")
def drawn() -> Callable[[Path], None]:
    """Return a function that draws a set of images into a folder."""
    return _draw_set


def _draw_set(root: Path) -> None:
    """Draw three classes: one complete, one without masks, one whose test images are all good."""
    draws = np.random.default_rng(0)
    for number, name in enumerate(("bolt", "felt", "wire")):
        for index in range(16):
            _save(root / name / "train" / "good" / f"{index:03d}.png", _part(number, draws))
        for index in range(4):
            _save(root / name / "test" / "good" / f"{index:03d}.png", _part(number, draws))
            if name != "wire":
                image, mask = _flawed(_part(number, draws), draws)
                _save(root / name / "test" / "blot" / f"{index:03d}.png", image)
                if name == "bolt":
                    _save(root / name / "ground_truth" / "blot" / f"{index:03d}_mask.png", mask)


def _part(number: int, draws: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[:64, :64]
    waves = 128 + 60 * np.sin((columns * (number + 1) + rows) / 4 + draws.uniform(0, 6))
    noisy = waves[:, :, None] * (1.0, 0.9, 0.8) + draws.normal(0, 4, (64, 64, 3))
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _flawed(image: np.ndarray, draws: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((64, 64), np.uint8)
    top, left = draws.integers(8, 40, 2)
    mask[top : top + 14, left : left + 14] = 255
    image = image.copy()
    image[mask > 0] = (20, 200, 30)
    return image, mask


def _save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
