"""The bench is a script with parts beside it, not a package: its folder goes on the path."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from rlr.data.manifest import Manifest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.insert(0, str(BENCHMARKS))


@pytest.fixture(scope="session")
def half_masked(small_manifest: "Manifest", tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a tree of two classes of small images, of which one has no masks."""
    root = Path(shutil.copytree(small_manifest.root, tmp_path_factory.mktemp("bench") / "set"))
    shutil.rmtree(root / "stripes" / "ground_truth")
    return root


@pytest.fixture(scope="session")
def development(half_masked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the same tree, marked as one that may be opened freely."""
    root = Path(shutil.copytree(half_masked, tmp_path_factory.mktemp("development") / "set"))
    (root / "development.json").write_text("{}\n", encoding="utf-8")
    return root
