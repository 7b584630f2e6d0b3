"""The TrainJob that is made: in the form that Kubeflow Trainer's models hold whole."""

from pathlib import Path
from typing import Any

import pytest
from fixtures.kubernetes import parse_strictly

from rlr.config.pipeline import PipelineConfig
from rlr.infrastructure.manifests import check_manifests
from rlr.orchestration.team.job import Training, make_train_job, with_facts
from rlr.orchestration.team.settings import TeamSettings, read_team_settings


def make(run: str = "4b4c", config: str = "tiny", *overrides: str, **pipeline: Any) -> Any:
    training = Training(config, overrides, run, Path("/team"))
    settings = PipelineConfig.model_validate(pipeline)
    return make_train_job(training, TeamSettings(image="rlr-train:0.1.0", pipeline=settings))


def test_trainer_takes_it_whole() -> None:
    parse_strictly(make())
    parse_strictly(make(accelerator_count=0))


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ((), "specc"),
        (("spec",), "numNodes"),
        (("spec", "trainer"), "nodes"),
        (("metadata",), "nam"),
    ],
)
def test_a_field_that_trainer_does_not_know_is_seen(place: tuple[str, ...], name: str) -> None:
    job = make()
    inner = job
    for key in place:
        inner = inner[key]
    inner[name] = "x"
    with pytest.raises(AssertionError, match="lose a field"):
        parse_strictly(job)


def test_it_runs_the_very_command() -> None:
    trainer = make("r", "tiny", "training.epochs=5", "seed=3")["spec"]["trainer"]
    assert trainer["command"] == ["torchrun"]
    words = trainer["args"]
    assert words[words.index("-m") + 1 :][:2] == ["rlr", "train"]
    assert {"--config=tiny", "--set=training.epochs=5", "--set=seed=3"} <= set(words)


def test_a_node_gets_what_a_heavy_step_gets() -> None:
    trainer = make(accelerator_count=4, memory="64Gi", distributed={"nodes": 3})["spec"]["trainer"]
    assert trainer["numNodes"] == 3
    assert trainer["numProcPerNode"] == 4
    limits = trainer["resourcesPerNode"]["limits"]
    assert limits == {"cpu": "4", "memory": "64Gi", "nvidia.com/gpu": "4"}
    alone = make(accelerator_count=0, distributed={"processes": 2})["spec"]["trainer"]
    assert alone["numProcPerNode"] == 2
    assert "nvidia.com/gpu" not in alone["resourcesPerNode"]["limits"]


def test_the_name_is_of_the_run_and_of_what_is_trained() -> None:
    names = [
        make(*words)["metadata"]["name"]
        for words in (("a",), ("b",), ("a", "demo"), ("a", "tiny", "seed=1"), ("a",))
    ]
    assert len(set(names)) == 4
    assert names[0] == names[4]
    assert all(len(name) < 40 for name in names)


def test_a_run_is_a_label_whatever_its_name() -> None:
    labels = make("projects/x/runs/nightly run " + 80 * "y")["metadata"]["labels"]
    assert labels["rlr.dev/run"].startswith("projects-x-runs-nightly-run-")
    assert len(labels["rlr.dev/run"]) <= 63


def test_it_keeps_the_rules_and_one_that_does_not_is_seen() -> None:
    known = {("TrainingRuntime", "rlr-torch")}
    assert check_manifests([make()], known) == []
    job = make()
    job["spec"]["trainer"]["image"] = "rlr-train:latest"
    del job["spec"]["activeDeadlineSeconds"]
    del job["spec"]["trainer"]["resourcesPerNode"]["requests"]
    faults = " ".join(finding.fault for finding in check_manifests([job], known))
    assert "can change" in faults
    assert "no activeDeadlineSeconds" in faults
    assert "no memory in requests" in faults


def test_data_version_and_seed_become_overrides() -> None:
    assert with_facts(["a=1"], "x.dir", 3) == ("a=1", "data.version=x.dir", "seed=3")
    assert with_facts([], "", -1) == ()


def test_away_from_a_cluster_it_says_what_to_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from rlr.foundation.errors import UserError

    monkeypatch.delenv("RLR_TEAM", raising=False)
    with pytest.raises(UserError, match="run the pipeline 'training'"):
        read_team_settings()
