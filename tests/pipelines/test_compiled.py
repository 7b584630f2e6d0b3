"""The compiled training pipeline: the committed bytes, and what they promise to a cluster."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from rlr import __version__
from rlr.config.pipeline import PipelineConfig
from rlr.infrastructure.manifests import check_manifests, read_external, read_manifests
from rlr.orchestration.cluster import LABELS
from rlr.orchestration.compile import compile_pipeline
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project
from rlr.orchestration.team.settings import TEAM_VARIABLE, TeamSettings

PIPELINES = ["retraining", "training", "training_distributed"]
HEAVY = {"train", "evaluate", "gate"}
LIGHT = {"validate-data", "register", "promote", "reject-data", "notify"}


@pytest.fixture(scope="module")
def project(repository: Path) -> Project:
    return Project(repository)


@pytest.fixture(scope="module")
def texts(project: Project) -> dict[str, str]:
    """Return each pipeline, compiled as it is committed."""
    return {name: compile_pipeline(project, name, Parameters()) for name in PIPELINES}


@pytest.fixture(scope="module")
def text(texts: dict[str, str]) -> str:
    return texts["training"]


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


@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_committed_is_what_is_compiled(
    project: Project, texts: dict[str, str], name: str
) -> None:
    committed = (project.compiled / f"{name}.yaml").read_text(encoding="utf-8")
    assert committed == texts[name], f"run `rlr pipeline compile {name}` and commit what it writes"


def test_every_compiled_pipeline_has_a_source(project: Project) -> None:
    compiled = sorted(file.stem for file in project.compiled.glob("*.yaml"))
    assert compiled == project.pipeline_names() == PIPELINES


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
    mounts = platform["train"]["emptyDirMounts"]
    (mount,) = (mount for mount in mounts if mount["volumeName"] == "shared-memory")
    assert (mount["mountPath"], mount["medium"], mount["sizeLimit"]) == (
        "/dev/shm",  # noqa: S108 - a mount
        "Memory",
        "2Gi",
    )


@pytest.mark.parametrize("name", PIPELINES)
def test_the_steps_keep_the_rules_of_the_manifests(
    texts: dict[str, str], repository: Path, name: str
) -> None:
    external = read_external(repository / "infra" / "k8s" / "external.yaml")
    claims = {("PersistentVolumeClaim", PipelineConfig().distributed.claim)}
    findings = check_manifests(read_manifests([(name, texts[name])]), external | claims)
    assert [str(finding) for finding in findings] == []


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (lambda spec, own: spec["resources"].pop("resourceMemoryLimit"), "limits"),
        (lambda spec, own: spec["resources"].pop("resourceCpuRequest"), "limits"),
        (lambda spec, own: spec.update(image="rlr-train"), "image"),
        (lambda spec, own: spec["env"].append({"name": "TOKEN", "value": "t"}), "secrets"),
        (lambda spec, own: own.pop("securityContext"), "user"),
        (lambda spec, own: own.pop("emptyDirMounts"), "scratch"),
        (lambda spec, own: own["emptyDirMounts"][0].pop("sizeLimit"), "size limit"),
        (lambda spec, own: own.pop("activeDeadlineSeconds"), "deadline"),
        (lambda spec, own: own["secretAsEnv"][0].update(secretName="x"), "references"),
        (
            lambda spec, own: own.update(pvcMount=[{"constant": "x", "mountPath": "/x"}]),
            "references",
        ),
        (lambda spec, own: own.update(imagePullSecret=[{"secretName": "x"}]), "references"),
    ],
)
def test_a_step_that_breaks_a_rule_is_found(
    text: str, repository: Path, damage: Callable[..., object], rule: str
) -> None:
    spec, platform = yaml.safe_load_all(text)
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    container = spec["deploymentSpec"]["executors"]["exec-train"]["container"]
    damage(container, executors["exec-train"])
    external = read_external(repository / "infra" / "k8s" / "external.yaml")
    findings = check_manifests([spec, platform], external)
    assert {(finding.place, finding.rule) for finding in findings} == {("step train", rule)}


def test_steps_run_as_the_user_of_the_images_and_are_known_by_labels(
    platform: dict[str, Any],
) -> None:
    for name, entry in platform.items():
        identity = entry["securityContext"]
        assert identity == {"runAsUser": "10001", "runAsGroup": "10001", "runAsNonRoot": True}
        labels = entry["podMetadata"]["labels"]
        assert labels["app.kubernetes.io/component"] == name
        assert LABELS.items() <= labels.items()
        assert entry["imagePullPolicy"] == "IfNotPresent"
    # Kubeflow makes one template for all steps that have as many labels.
    assert len({len(entry["podMetadata"]["labels"]) for entry in platform.values()}) == 1


def test_a_step_that_reads_images_has_a_place_for_them(
    spec: dict[str, Any], platform: dict[str, Any]
) -> None:
    for name, container in _containers(spec).items():
        reads = name in HEAVY | {"validate-data"}
        variables = {entry["name"]: entry["value"] for entry in container["env"]}
        mounts = {entry["mountPath"] for entry in platform[name]["emptyDirMounts"]}
        assert (variables.get("RLR_DATA_CACHE") == "/cache") is reads
        assert ("/cache" in mounts) is reads


def test_a_claim_takes_the_place_of_the_pods_own_cache(project: Project) -> None:
    overrides = ("pipeline.cache_claim=rlr-data-cache", "pipeline.image_pull_secret=hub")
    text = compile_pipeline(project, "training", Parameters("tiny", overrides))
    _, platform = yaml.safe_load_all(text)
    train = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-train"]
    (mount,) = train["pvcMount"]
    assert (mount["constant"], mount["mountPath"]) == ("rlr-data-cache", "/cache")
    assert {entry["mountPath"] for entry in train["emptyDirMounts"]} == {
        "/tmp",  # noqa: S108 - a mount
        "/dev/shm",  # noqa: S108 - a mount
    }
    assert [entry["secretName"] for entry in train["imagePullSecret"]] == ["hub"]


def test_the_step_that_starts_nodes_knows_what_they_get(project: Project) -> None:
    overrides = ("pipeline.distributed.nodes=4", "pipeline.memory=64Gi")
    text = compile_pipeline(
        project, "training_distributed", Parameters("tiny", overrides), "hub/p:0.1.0", "hub/t:0.1.0"
    )
    spec, platform = yaml.safe_load_all(text)
    container = _containers(spec)["train-distributed"]
    assert container["image"] == "hub/p:0.1.0"
    (told,) = (entry["value"] for entry in container["env"] if entry["name"] == TEAM_VARIABLE)
    team = TeamSettings.model_validate_json(told)
    assert team.image == "hub/t:0.1.0"
    assert team.pipeline.distributed.nodes == 4
    assert team.pipeline.memory == "64Gi"
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    own = executors["exec-train-distributed"]
    (mount,) = own["pvcMount"]
    assert (mount["constant"], mount["mountPath"]) == ("rlr-training", "/team")
    # It asks the cluster's API and the claim; it needs no key and no accelerator.
    assert "secretAsEnv" not in own
    assert "nodeSelector" not in own
    task = _tasks(spec)["train-distributed"]
    assert not task["cachingOptions"].get("enableCache")
    assert "{{$.pipeline_job_uuid}}" in str(task["inputs"]["parameters"]["run"])


def test_both_pipelines_are_the_same_but_for_the_training(texts: dict[str, str]) -> None:
    tasks = [set(_tasks(next(yaml.safe_load_all(text)))) for text in texts.values()]
    assert tasks[0] ^ tasks[1] == {"train", "train-distributed"}


@pytest.mark.parametrize(
    ("step", "secrets"),
    [
        ("validate-data", {"rlr-s3"}),
        ("train", {"rlr-s3", "rlr-mlflow"}),
        ("evaluate", {"rlr-s3", "rlr-mlflow"}),
        ("gate", {"rlr-s3", "rlr-mlflow"}),
        ("register", {"rlr-mlflow"}),
        ("promote", {"rlr-mlflow"}),
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
    for name in ("train", "evaluate", "gate"):
        source = _tasks(spec)[name]["inputs"]["parameters"]["data_version"]
        assert source == {"componentInputParameter": "pipelinechannel--validate-data-data_version"}


def test_the_gate_judges_what_was_trained_after_it_was_measured(spec: dict[str, Any]) -> None:
    gate = _tasks(spec)["gate"]
    assert "evaluate" in gate["dependentTasks"]
    trained = {"taskOutputArtifact": {"outputArtifactKey": "model", "producerTask": "train"}}
    assert gate["inputs"]["artifacts"]["model"] == trained
    register = _tasks(spec)["register"]["inputs"]
    assert register["artifacts"]["model"] == trained
    assert register["artifacts"]["gate"]["taskOutputArtifact"]["producerTask"] == "gate"
    challenger = register["parameters"]["challenger"]["taskOutputParameter"]
    assert challenger == {"outputParameterKey": "floors_hold", "producerTask": "evaluate"}
    assert "{{$.pipeline_job_uuid}}" in str(register["parameters"]["pipeline_run"])


def test_only_what_the_gate_lets_pass_is_promoted(spec: dict[str, Any]) -> None:
    inputs = _tasks(spec)["promotion"]["inputs"]["parameters"]
    wanted = {"outputParameterKey": "promote", "producerTask": "gate"}
    assert inputs["wanted"] == {"taskOutputParameter": wanted}
    assert inputs["version"]["taskOutputParameter"]["producerTask"] == "register"
    (side,) = spec["components"]["comp-promotion"]["dag"]["tasks"].values()
    condition = side["triggerPolicy"]["condition"]
    assert condition == "inputs.parameter_values['pipelinechannel--wanted'] == true"
    assert set(spec["components"][side["componentRef"]["name"]]["dag"]["tasks"]) == {"promote"}


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
    assert types("comp-gate") == {
        "gate": "system.Artifact",
        "metrics": "system.Metrics",
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
