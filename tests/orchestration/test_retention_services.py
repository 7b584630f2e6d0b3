"""`rlr gc` on a real server: artifacts in S3 behind MLflow, runs in PostgreSQL."""

import time
from pathlib import Path
from typing import Any

import pytest

from rlr.config import Config, load_config
from rlr.data.manifest import Manifest
from rlr.gate.floors import FloorVerdict
from rlr.orchestration.retention import collect
from rlr.registry.server import connect
from rlr.registry.tracking import Run
from rlr.registry.versions import register, resolve_model

pytestmark = pytest.mark.services

NAME = "retention-of-a-test"
LATER = 100 * 86400.0


@pytest.fixture
def config(services: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name, value in services.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    names = [f"registry.experiment={NAME}", f"registry.model_name={NAME}"]
    return load_config("tiny", [*names, "retention.tracking.max_age_days=30.0"])


def _keys(needle: str) -> list[str]:
    import boto3

    objects = boto3.resource("s3").Bucket("rlr-mlflow").objects.all()
    return [entry.key for entry in objects if needle in entry.key]


def test_artifacts_go_from_s3_and_the_champion_scores_as_before(
    config: Config, trained: Path, small_manifest: Manifest
) -> None:
    from rlr.detection.detector import Detector

    client = connect(config.registry)
    made: dict[str, tuple[Run, Any]] = {}
    for alias in ("champion", "none"):
        run = Run.start(client, config, small_manifest.version, small_manifest.digest)
        client.set_terminated(run.run_id)
        version = register(run, trained, config.registry, FloorVerdict(True, []), challenger=False)
        made[alias] = (run, version)
    client.set_registered_model_alias(NAME, "champion", made["champion"][1].version)
    models = {
        m.source_run_id: m.model_id
        for m in client.search_logged_models([client.get_experiment_by_name(NAME).experiment_id])
    }
    gone, kept = made["none"][0].run_id, made["champion"][0].run_id
    assert all(_keys(name) for name in (gone, kept, models[gone], models[kept]))

    dry = collect(config, dry_run=True, now=time.time() + LATER)
    assert _keys(models[gone])
    done = collect(config, dry_run=False, now=time.time() + LATER)
    assert done["kinds"][0]["removed"] == dry["kinds"][0]["removed"]
    assert done["kinds"][0]["bytes"] > (trained / "model" / "backbone.safetensors").stat().st_size
    assert _keys(gone) == _keys(models[gone]) == []
    assert _keys(kept)
    assert [v.version for v in client.search_model_versions(f"name = '{NAME}'")] == [
        made["champion"][1].version
    ]

    image = small_manifest.root / small_manifest.select("test")["path"][0]
    fetched = resolve_model(f"models:/{NAME}@champion", config.registry)
    found, expected = Detector.load(fetched), Detector.load(trained / "model")
    scores = [d.predict([d.read(image)], ["rings"])[0].image_score for d in (found, expected)]
    assert scores[0] == scores[1]
