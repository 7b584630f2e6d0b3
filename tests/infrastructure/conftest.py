"""The manifests as a cluster gets them."""

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from rlr.infrastructure.manifests import read_manifests

Manifests = list[dict[str, Any]]


@pytest.fixture(scope="session")
def kubectl() -> Path:
    """Return the command that the environment holds."""
    return Path(sys.executable).with_name("kubectl")


@pytest.fixture(scope="session")
def k8s(repository: Path) -> Path:
    """Return the folder of the manifests."""
    return repository / "infra" / "k8s"


@pytest.fixture(scope="session")
def render(kubectl: Path, k8s: Path) -> Callable[[str], Manifests]:
    """Return a function that renders a folder of `infra/k8s`."""

    @cache
    def run(folder: str) -> Manifests:
        words = [str(kubectl), "kustomize", str(k8s / folder)]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return read_manifests([(folder, done.stdout)])

    return run
