"""From data in S3 to a version in the registry and back, by the code of a commit."""

import shutil
import subprocess
from pathlib import Path

import pytest

from rlr.config import load_config
from rlr.data.manifest import Manifest
from rlr.data.versions import publish
from rlr.foundation.build import current_build, source_checkout
from rlr.orchestration import steps
from rlr.orchestration.reproduction import code, reproduce
from rlr.registry.lineage import trace
from rlr.registry.server import connect

pytestmark = pytest.mark.services

NAME = "lineage-of-a-test"
REMOTE = "s3://rlr-data/lineage-of-a-test"


def test_a_version_comes_out_again_on_a_machine_that_has_nothing(
    services: dict[str, str],
    small_manifest: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RLR_DATA_REMOTE", REMOTE)
    first, second = tmp_path / "first", tmp_path / "second"
    first.mkdir()
    second.mkdir()
    monkeypatch.chdir(first)
    root = Path(shutil.copytree(small_manifest.root, first / "data"))
    version = publish(root)
    names = [f"registry.experiment={NAME}", f"registry.model_name={NAME}"]
    made = [*names, "data.validation_fraction=0.3", "training.threads=1"]
    steps.train("tiny", made, Path("train"))
    steps.evaluate("tiny", made, Path("train"), Path("evaluation"))
    steps.register("tiny", made, Path("train"), Path("evaluation"))
    shutil.rmtree(first)

    # Another folder, another day: the data are in S3, and the code has gone on.
    monkeypatch.chdir(second)
    monkeypatch.delenv("RLR_DATA_REMOTE")
    here = load_config("published", names)
    client = connect(here.registry)
    (facts,) = trace(client, here.registry, version)["versions"]
    assert facts["data"]["remote"] == REMOTE
    commit = current_build().commit
    assert facts["code"]["commit"] == commit
    if not (source_checkout() / ".git").exists():
        pytest.skip("no git checkout: the code of a commit cannot be had")
    monkeypatch.setattr(code, "_is_running", lambda *_: False)
    document = reproduce(here, f"models:/{NAME}/1", keep=Path("again"))
    assert document["code"].startswith(f"a checkout of the commit {commit[:12]}")
    assert document["compared"] == "weights"
    assert document["reproduced"] is True
    done = subprocess.run(
        ["git", "-C", "again/code", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == commit
