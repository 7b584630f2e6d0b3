"""The pipeline as a user starts it, in its real images and against real services."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

FLOOR = ("--set", "registry.floors.image_auroc=0", "--set", "gate.false_positive_rate=1")
ONE_THREAD = ("--set", "training.threads=1")  # many would get into each other's way
PREFIXES = ("RLR_", "MLFLOW_", "AWS_", "KF_", "KFP_")


@dataclass(frozen=True)
class Done:
    """What a command left behind."""

    status: int
    stdout: str
    stderr: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        assert self.status == 0, self.stderr
        return json.loads(self.stdout)

    @property
    def last_line(self) -> str:
        return self.stderr.strip().splitlines()[-1]


@dataclass(frozen=True)
class Place:
    """A working directory, and the variables that commands in it get."""

    folder: Path
    variables: dict[str, str]

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(PREFIXES)}
        # One thread: the runners share two cores, and their scores are compared.
        own = {"HOME": str(self.folder), "RLR_ENV_FILE": os.devnull, "OMP_NUM_THREADS": "1"}
        return inherited | own | self.variables

    def begin(self, *words: str | Path) -> "subprocess.Popen[str]":
        """Start a command."""
        return subprocess.Popen(
            # A shell starts what it puts into the background deaf to interrupts, and so CI may be.
            ["env", "--default-signal=INT", sys.executable, *(str(word) for word in words)],
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def python(self, *words: str | Path) -> Done:
        """Run Python to its end."""
        process = self.begin(*words)
        stdout, stderr = process.communicate(timeout=400)
        return Done(process.returncode, stdout, stderr)

    def rlr(self, *words: str | Path) -> Done:
        """Run the command to its end."""
        return self.python("-m", "rlr", *words)

    def last_run(self) -> Path:
        """Return the folder of the latest run."""
        return max((self.folder / ".rlr" / "runs").iterdir(), key=lambda path: path.name)


def containers_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the daemon told of a run, by step."""
    told = json.loads((folder / "containers.json").read_text())["containers"]
    assert len({one["step"] for one in told}) == len(told)
    return {one["step"]: one for one in told}


@pytest.fixture(scope="session")
def in_images(docker: Any, images: dict[str, str]) -> list[str]:
    """Return the options that run a pipeline in the images of this checkout."""
    return [
        *("--runner", "docker"),
        *("--image-pipeline", images["pipeline"], "--image-train", images["train"]),
    ]


@pytest.fixture(scope="session")
def image_ids(docker: Any, images: dict[str, str]) -> dict[str, str]:
    """Return the id of each image, as the daemon says."""
    return {
        role: docker("image", "inspect", "--format", "{{.Id}}", reference).stdout.strip()
        for role, reference in images.items()
    }


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Path:
    """Return a folder with the synthetic set in its smallest form, two classes of it."""
    place = Place(tmp_path_factory.mktemp("drawn"), {})
    done = place.rlr("data", "synth", "data", "--config", "tiny")
    assert done.status == 0, done.stderr
    return place.folder / "data"


@pytest.fixture(scope="session")
def pipeline(repository: Path) -> Callable[..., list[str]]:
    """Return a function that makes the words of a run of the training pipeline."""

    def words(*more: str) -> list[str]:
        start = ["pipeline", "run", "--config", "tiny", "--project", str(repository)]
        return [*start, "--set", 'data.classes=["flange", "capsule"]', *FLOOR, *ONE_THREAD, *more]

    return words
