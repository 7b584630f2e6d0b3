"""The same by kfp's own command, which is started as a user starts it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from kubeflow_api import KubeflowApi

pytestmark = pytest.mark.slow

Kfp = Callable[..., object]


@pytest.fixture
def kfp(api: KubeflowApi, tmp_path: Path) -> Kfp:
    """Return a function that runs kfp against the double, and returns what it printed."""

    def run(*words: str) -> object:
        done = subprocess.run(
            [Path(sys.executable).parent / "kfp", "--output", "json", *words],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"KF_PIPELINES_ENDPOINT": api.address},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout[done.stdout.index("{\n") :])

    return run


@pytest.fixture
def package(compiled: str, tmp_path: Path) -> str:
    """Return the file of a compiled pipeline."""
    file = tmp_path / "short.yaml"
    file.write_text(compiled)
    return str(file)


def test_a_run_is_created_from_a_package(kfp: Kfp, api: KubeflowApi, package: str) -> None:
    words = ("-e", "rlr", "-r", "nightly", "-f", package, "config=tiny", "seed=3")
    kfp("run", "create", *words, 'overrides=["training.epochs=1"]')
    (run,) = api.store.runs.values()
    assert run["display_name"] == "nightly"
    assert run["runtime_config"]["parameters"] == {
        "config": "tiny",
        "seed": 3,
        "overrides": ["training.epochs=1"],
    }
    assert run["pipeline_spec"]["pipeline_spec"]["pipelineInfo"]["name"] == "rlr-short"


def test_versions_are_created_run_and_scheduled(
    kfp: Kfp, api: KubeflowApi, package: str, rlr: Callable[..., object]
) -> None:
    kfp("pipeline", "create", "-p", "rlr-short", package)
    kfp("pipeline", "create-version", "-n", "rlr-short", "-v", "by-hand", package)
    (pipeline,) = api.store.pipelines.values()
    first, second = api.store.versions.values()
    assert (first["display_name"], second["display_name"]) == ("rlr-short", "by-hand")
    kfp(
        *("run", "create", "-e", "rlr", "-r", "again", "-n", "rlr-short"),
        *("-v", second["pipeline_version_id"], "seed=1"),
    )
    (run,) = api.store.runs.values()
    assert run["pipeline_version_reference"] == {
        "pipeline_id": pipeline["pipeline_id"],
        "pipeline_version_id": second["pipeline_version_id"],
    }
    kfp(
        *("recurring-run", "create", "--experiment-name", "rlr", "--job-name", "nightly"),
        *("--cron-expression", "0 0 3 * * *", "--pipeline-id", pipeline["pipeline_id"]),
        *("--version-id", second["pipeline_version_id"], "config=demo"),
    )
    (schedule,) = api.store.recurring.values()
    assert schedule["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * *"
    assert schedule["runtime_config"]["parameters"] == {"config": "demo"}
    # What kfp has made, rlr sees.
    listed = rlr("pipeline", "runs", f"--endpoint={api.address}", "--json")
    assert [entry["name"] for entry in json.loads(listed.stdout)["runs"]] == ["again"]
