"""The compiled training pipeline: the committed bytes, and what they promise to a cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlr import __version__
from rlr.orchestration.compile import compile_pipeline
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project

HEAVY = {"train", "evaluate"}
LIGHT = {"validate-data", "register", "register-2", "reject-data", "notify"}


@pytest.fixture(scope="module")
def project(repository: Path) -> Project:
    return Project(repository)


@pytest.fixture(scope="module")
def text(project: Project) -> str:
    return compile_pipeline(project, "training", Parameters())


@pytest.fixture(scope="module")
def spec(text: str) -> dict[str, Any]:
    return next(yaml.safe_load_all(text))


@pytest.fixture(scope="module")
def platform(text: str) -> dict[str, Any]:
    _, document = yaml.safe_load_all(text)
    executors = document["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): entry for name, entry in executors.items()}


def _containers(spec: dict[str, Any]) -> dict[str, Any]:
    executors = spec["deploymentSpec"]["executors"]
    return {name.removeprefix("exec-"): entry["container"] for name, entry in executors.items()}


def _tasks(spec: dict[str, Any]) -> dict[str, Any]:
    """Return every task of the pipeline, those in branches too."""
    dags = [spec["root"], *spec["components"].values()]
    return {
        name: task for dag in dags for name, task in dag.get("dag", {}).get("tasks", {}).items()
    }


def test_what_is_committed_is_what_is_compiled(project: Project, text: str) -> None:
    committed = (project.compiled / "training.yaml").read_text(encoding="utf-8")
    assert committed == text, "run `rlr pipeline compile` and commit what it writes"


def test_every_compiled_pipeline_has_a_source(project: Project) -> None:
    compiled = sorted(file.stem for file in project.compiled.glob("*.yaml"))
    assert compiled == project.pipeline_names()


def test_steps_have_their_images_and_know_them(spec: dict[str, Any]) -> None:
    containers = _containers(spec)
    assert set(containers) == HEAVY | LIGHT
    for name, container in containers.items():
        image = f"rlr-{'train' if name in HEAVY else 'pipeline'}:{__version__}"
        assert container["image"] == image
        assert {"name": "RLR_IMAGE", "value": image} in container["env"]


def test_other_images_are_compiled_in(project: Project) -> None:
    text = compile_pipeline(project, "training", Parameters(), "hub/p@sha256:1", "hub/t@sha256:2")
    containers = _containers(next(yaml.safe_load_all(text)))
    assert {name for name, c in containers.items() if c["image"] == "hub/t@sha256:2"} == HEAVY
    assert {name for name, c in containers.items() if c["image"] == "hub/p@sha256:1"} == LIGHT


def test_nothing_is_installed_when_a_step_starts(text: str) -> None:
    assert "pip install" not in text


def test_no_path_of_this_machine_is_compiled_in(text: str, repository: Path) -> None:
    assert str(repository) not in text
    assert str(Path.home()) not in text


def test_what_a_user_changes_is_a_parameter(spec: dict[str, Any]) -> None:
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    defaults = {name: entry["defaultValue"] for name, entry in parameters.items()}
    assert defaults == {"config": "published", "data_version": "", "overrides": [], "seed": -1}
    assert all(entry["description"] for entry in parameters.values())


def test_no_secret_is_a_parameter(text: str, spec: dict[str, Any]) -> None:
    assert "webhook" not in str(spec["root"]["inputDefinitions"]).lower()
    assert "WEBHOOK_URL" not in str(spec["deploymentSpec"])


def test_heavy_steps_run_on_accelerator_nodes(
    spec: dict[str, Any], platform: dict[str, Any]
) -> None:
    for name, container in _containers(spec).items():
        resources = container["resources"]
        assert ("accelerator" in resources) is (name in HEAVY)
        assert ("nodeSelector" in platform[name]) is (name in HEAVY)
        assert ("tolerations" in platform[name]) is (name in HEAVY)
    for name in HEAVY:
        accelerator = _containers(spec)[name]["resources"]["accelerator"]
        assert (accelerator["resourceType"], accelerator["resourceCount"]) == (
            "nvidia.com/gpu",
            "1",
        )
        assert platform[name]["nodeSelector"] == {"labels": {"rlr.dev/pool": "gpu"}}
        assert platform[name]["tolerations"] == [
            {"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}
        ]


def test_every_step_has_limits_and_a_deadline(
    spec: dict[str, Any], platform: dict[str, Any]
) -> None:
    for name, container in _containers(spec).items():
        assert container["resources"]["resourceCpuLimit"]
        assert container["resources"]["resourceMemoryLimit"]
        assert platform[name]["activeDeadlineSeconds"] == "86400"


def test_training_has_shared_memory(platform: dict[str, Any]) -> None:
    (mount,) = platform["train"]["emptyDirMounts"]
    assert (mount["mountPath"], mount["medium"], mount["sizeLimit"]) == (
        "/dev/shm",  # noqa: S108 - a mount
        "Memory",
        "2Gi",
    )


@pytest.mark.parametrize(
    ("step", "secrets"),
    [
        ("validate-data", {"rlr-s3"}),
        ("train", {"rlr-s3", "rlr-mlflow"}),
        ("evaluate", {"rlr-s3", "rlr-mlflow"}),
        ("register", {"rlr-mlflow"}),
        ("notify", {"rlr-webhook"}),
        ("reject-data", set()),
    ],
)
def test_each_step_gets_the_secrets_it_needs(
    platform: dict[str, Any], step: str, secrets: set[str]
) -> None:
    found = platform[step].get("secretAsEnv", [])
    assert {entry["secretName"] for entry in found} == secrets


def test_only_what_is_named_by_its_inputs_is_cached(spec: dict[str, Any]) -> None:
    cached = {
        name
        for name, task in _tasks(spec).items()
        if task.get("cachingOptions", {}).get("enableCache")
    }
    assert cached == {"train", "evaluate"}
    for name in cached:
        # Kubeflow's cache knows an artifact by its name only: these say what is in it.
        assert "data_version" in _tasks(spec)[name]["inputs"]["parameters"]
    assert "run_id" in _tasks(spec)["evaluate"]["inputs"]["parameters"]


def test_the_version_that_was_validated_is_the_one_that_is_trained_on(
    spec: dict[str, Any],
) -> None:
    for name in ("train", "evaluate"):
        source = _tasks(spec)[name]["inputs"]["parameters"]["data_version"]
        assert source == {"componentInputParameter": "pipelinechannel--validate-data-data_version"}


def test_what_may_fail_by_the_machine_is_tried_again(spec: dict[str, Any]) -> None:
    retried = {
        name: task["retryPolicy"]["maxRetryCount"]
        for name, task in _tasks(spec).items()
        if "retryPolicy" in task
    }
    assert retried == dict.fromkeys(HEAVY | LIGHT - {"reject-data"}, 2)


def test_outputs_are_typed(spec: dict[str, Any]) -> None:
    def types(component: str) -> dict[str, str]:
        artifacts = spec["components"][component]["outputDefinitions"]["artifacts"]
        return {name: entry["artifactType"]["schemaTitle"] for name, entry in artifacts.items()}

    assert types("comp-validate-data") == {"dataset": "system.Dataset", "report": "system.HTML"}
    assert types("comp-train") == {"model": "system.Model", "metrics": "system.Metrics"}
    assert types("comp-evaluate") == {
        "evaluation": "system.Artifact",
        "metrics": "system.Metrics",
        "roc": "system.ClassificationMetrics",
        "report": "system.HTML",
    }


def test_the_numbers_come_from_the_configuration(project: Project) -> None:
    overrides = (
        "pipeline.accelerator_count=0",
        "pipeline.node_selector={zone: a}",
        "pipeline.toleration=null",
        "pipeline.memory=64Gi",
        "pipeline.retries=0",
        "pipeline.s3_secret=null",
    )
    text = compile_pipeline(project, "training", Parameters("tiny", overrides))
    spec, platform = yaml.safe_load_all(text)
    train = _containers(spec)["train"]
    assert "accelerator" not in train["resources"]
    assert train["resources"]["resourceMemoryLimit"] == "64Gi"
    assert "retryPolicy" not in text
    assert "rlr-s3" not in text
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    assert executors["exec-train"]["nodeSelector"] == {"labels": {"zone": "a"}}
    assert "tolerations" not in executors["exec-train"]
    parameters = spec["root"]["inputDefinitions"]["parameters"]
    assert parameters["config"]["defaultValue"] == "tiny"
    assert parameters["overrides"]["defaultValue"] == list(overrides)


def test_it_parses_as_kubeflow_reads_it(spec: dict[str, Any]) -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert parsed.pipeline_info.name == "rlr-training"


def test_the_command_compiles_to_a_file(
    rlr: Callable[..., Any], tmp_path: Path, repository: Path, text: str
) -> None:
    file = tmp_path / "new" / "p.yaml"
    answer = rlr("pipeline", "compile", "--project", repository, "-o", file, "--json")
    assert answer.status == 0
    assert file.read_text() == text


def test_the_command_says_where_pipelines_are_elsewhere(
    rlr: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for verb in ("list", "compile", "run", "submit"):
        answer = rlr("pipeline", verb)
        assert (answer.status, answer.stdout) == (2, "")
        assert "--project" in answer.stderr
        assert answer.stderr.count("\n") == 1
