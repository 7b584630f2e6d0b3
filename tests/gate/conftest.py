"""Real detectors over real images, run once for all tests of the gate's outside."""

from pathlib import Path

import pytest

from rlr.config import Config, load_config
from rlr.data.manifest import Manifest
from rlr.gate.contest import Entrant
from rlr.gate.result import GateResult
from rlr.gate.run import run_gate

LENIENT = [
    "gate.draws=200",
    "gate.timed_batches=1",
    "gate.false_positive_rate=1.0",
    "registry.floors.image_auroc=0.0",
]


@pytest.fixture(scope="session")
def lenient() -> Config:
    """Return a configuration whose limits any detector holds."""
    return load_config("tiny", LENIENT)


@pytest.fixture(scope="session")
def candidate(trained: Path) -> Entrant:
    return Entrant("candidate", trained / "model")


@pytest.fixture(scope="session")
def champion(trained_small: Path) -> Entrant:
    """Return a weaker detector, whose input size is another one."""
    return Entrant("models:/rlr/1", trained_small / "model")


@pytest.fixture(scope="session")
def gated(
    tmp_path_factory: pytest.TempPathFactory,
    small_manifest: Manifest,
    lenient: Config,
    candidate: Entrant,
    champion: Entrant,
) -> tuple[Path, GateResult]:
    """Return the output of one gate, and its decision."""
    output = tmp_path_factory.mktemp("gated") / "gate"
    return output, run_gate(lenient, small_manifest, output, candidate, champion)
