"""Each overlay: it renders, it has the form that Kubernetes takes, and it keeps the rules."""

import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures.kubernetes import parse_strictly

from rlr.config.pipeline import PipelineConfig
from rlr.infrastructure.manifests import check_manifests, read_external
from rlr.infrastructure.manifests.workloads import find_workloads
from rlr.orchestration.cluster import (
    LABELS,
    MLFLOW_KEYS,
    MLFLOW_OPTIONAL_KEYS,
    S3_KEYS,
    S3_OPTIONAL_KEYS,
)
from rlr.orchestration.team.settings import WORK

FOLDERS = [
    "overlays/dev",
    "overlays/prod",
    "overlays/gpu",
    "overlays/standalone",
    "overlays/standalone/trainer",
    "trainer",
    "admission",
]
# Kinds of Kubeflow Trainer: no schema of Kubernetes has them, its own models read them.
TRAINER = "trainer.kubeflow.org/v1alpha1"

Render = Callable[[str], list[dict[str, Any]]]


def one(manifests: Sequence[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    (found,) = (m for m in manifests if m["kind"] == kind and name_of(m).startswith(name))
    return found


def name_of(manifest: dict[str, Any]) -> str:
    return str(manifest["metadata"]["name"])


def of_kind(manifests: Sequence[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [m for m in manifests if m["kind"] == kind]


def test_these_are_all(k8s: Path) -> None:
    """Every folder that somebody would apply is looked at here."""
    found = {str(file.parent.relative_to(k8s)) for file in k8s.rglob("kustomization.yaml")}
    assert found == {*FOLDERS, "base", "base/mlflow", "base/runs"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_kubernetes_takes_it(render: Render, folder: str) -> None:
    import kubernetes_validate

    for manifest in render(folder):
        if manifest["apiVersion"] == TRAINER:
            parse_strictly(manifest)
        else:
            version = kubernetes_validate.latest_version()
            kubernetes_validate.validate(manifest, version, strict=True)


def test_a_field_that_kubernetes_does_not_know_is_seen(render: Render) -> None:
    import kubernetes_validate

    deployment = one(render("overlays/dev"), "Deployment", "mlflow")
    broken = {**deployment, "spec": {**deployment["spec"], "replica": 1}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        kubernetes_validate.validate(broken, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("folder", FOLDERS)
def test_it_keeps_the_rules(render: Render, k8s: Path, folder: str) -> None:
    findings = check_manifests(render(folder), read_external(k8s / "external.yaml"))
    assert [str(finding) for finding in findings] == []


def test_what_is_external_is_used_and_explained(
    render: Render, k8s: Path, repository: Path
) -> None:
    everything = "".join(str(render(folder)) for folder in FOLDERS)
    compiled = "".join(f.read_text() for f in (repository / "pipelines" / "compiled").iterdir())
    guide = (repository / "docs" / "cluster.md").read_text()
    for _, name in read_external(k8s / "external.yaml"):
        assert name in everything + compiled, f"{name} is listed for nothing"
        assert name in guide, f"docs/cluster.md does not say where {name} comes from"


def test_nothing_secret_and_nothing_of_this_machine_is_in_the_folder(k8s: Path) -> None:
    for file in (f for f in k8s.rglob("*") if f.is_file()):
        text = file.read_text()
        assert "hostPath" not in text
        assert ":latest" not in text
        assert not re.search(r"kind: Secret\b\s*\n", text), file


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_version_of_our_images_is_that_of_the_package(render: Render, folder: str) -> None:
    from rlr import __version__

    images = {
        container["image"]
        for manifest in render(folder)
        for workload in find_workloads(manifest)
        for container in workload.containers
    }
    ours = {image for image in images if image.startswith("rlr-")}
    assert ours <= {f"rlr-pipeline:{__version__}", f"rlr-train:{__version__}"}


def test_a_digest_goes_where_the_overlay_has_its_images(
    k8s: Path, kubectl: Path, tmp_path: Path
) -> None:
    """What docs/cluster.md tells to do: change the overlay's entry, and every pod follows."""
    import shutil

    copy = Path(shutil.copytree(k8s, tmp_path / "k8s"))
    file = copy / "overlays" / "prod" / "kustomization.yaml"
    document = yaml.safe_load(file.read_text())
    digest = f"sha256:{'1' * 64}"
    document["images"] = [
        {"name": "rlr-pipeline", "newName": "hub.example.org/rlr-pipeline", "digest": digest}
    ]
    file.write_text(yaml.safe_dump(document))
    words = [str(kubectl), "kustomize", str(file.parent)]
    text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert text.count(f"image: hub.example.org/rlr-pipeline@{digest}") == 3


# --- what each overlay promises ---------------------------------------------------------------


def test_the_settings_reach_mlflow_and_the_database_stays_out_of_its_words(
    render: Render,
) -> None:
    for overlay in ("dev", "prod"):
        manifests = render(f"overlays/{overlay}")
        pod = one(manifests, "Deployment", "mlflow")["spec"]["template"]["spec"]
        (server,) = pod["containers"]
        assert server["command"] == ["mlflow", "server"]
        assert "--serve-artifacts" in server["args"]
        assert not any("postgres" in word for word in server["args"])
        (reference,) = (entry["configMapRef"]["name"] for entry in server["envFrom"])
        settings = one(manifests, "ConfigMap", "mlflow-")
        assert name_of(settings) == reference
        hosts = settings["data"]["MLFLOW_ALLOWED_HOSTS"].split(",")
        assert "mlflow.rlr.svc.cluster.local:5000" in hosts
        assert "*" not in hosts
        assert settings["data"]["MLFLOW_ARTIFACTS_DESTINATION"].startswith("s3://")
        (migration,) = pod["initContainers"]
        assert migration["command"] == ["rlr", "cluster", "migrate"]


def test_kubeflow_keeps_artifacts_with_the_keys_of_our_secret(render: Render) -> None:
    for folder in ("overlays/dev", "overlays/prod", "overlays/standalone"):
        data = one(render(folder), "ConfigMap", "kfp-launcher")["data"]
        bucket = data["defaultPipelineRoot"].split("/")[2]
        s3 = yaml.safe_load(data["providers"])["s3"]["default"]
        assert s3["credentials"]["secretRef"] == {
            "secretName": PipelineConfig().s3_secret,
            "accessKeyKey": S3_KEYS[0],
            "secretKeyKey": S3_KEYS[1],
        }
        assert {"endpoint", "region", "disableSSL", "forcePathStyle"} <= set(s3)
        assert bucket.startswith("rlr")


def test_dev_holds_everything(render: Render) -> None:
    manifests = render("overlays/dev")
    assert {name_of(m) for m in of_kind(manifests, "StatefulSet")} == {"s3", "postgres"}
    assert {name_of(m) for m in of_kind(manifests, "Service")} == {"s3", "postgres", "mlflow"}


def test_dev_runs_the_servers_of_infra_local(render: Render, repository: Path) -> None:
    text = (repository / "infra" / "local" / "compose.yaml").read_text()
    local = {name: entry["image"] for name, entry in yaml.safe_load(text)["services"].items()}
    for server in of_kind(render("overlays/dev"), "StatefulSet"):
        (container,) = server["spec"]["template"]["spec"]["containers"]
        assert container["image"] == local[name_of(server)]


def test_prod_has_no_server_of_its_own_but_mlflow_twice(render: Render) -> None:
    manifests = render("overlays/prod")
    assert of_kind(manifests, "StatefulSet") == []
    assert one(manifests, "Deployment", "mlflow")["spec"]["replicas"] >= 2
    budget = one(manifests, "PodDisruptionBudget", "mlflow")
    assert (
        budget["spec"]["minAvailable"] < one(manifests, "Deployment", "mlflow")["spec"]["replicas"]
    )


def test_prod_denies_what_it_does_not_allow(render: Render) -> None:
    policies = of_kind(render("overlays/prod"), "NetworkPolicy")
    deny = one(policies, "NetworkPolicy", "default-deny")["spec"]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    allowed = {name_of(policy) for policy in policies} - {"default-deny"}
    assert allowed == {"names", "mlflow", "runs", "trainings"}
    for policy in policies:
        for way in ("ingress", "egress"):
            # An empty rule would allow everything.
            assert all(rule for rule in policy["spec"].get(way, [])), name_of(policy)


def test_the_policies_meet_the_pods_of_the_pipeline(render: Render) -> None:
    """Labels that a step bears by cluster.py let it in where the policy asks for them."""
    mlflow = one(render("overlays/prod"), "NetworkPolicy", "mlflow")["spec"]
    wanted = mlflow["ingress"][0]["from"][0]["podSelector"]["matchLabels"]
    assert wanted.items() <= LABELS.items()
    admission = one(render("admission"), "MutatingAdmissionPolicy", "rlr-steps")["spec"]
    selector = admission["matchConstraints"]["objectSelector"]["matchLabels"]
    assert selector.items() <= LABELS.items()
    trainings = one(render("overlays/prod"), "NetworkPolicy", "trainings")["spec"]
    nodes = one(render("trainer"), "TrainingRuntime", "rlr-torch")
    (workload,) = find_workloads(nodes)
    assert trainings["podSelector"]["matchLabels"].items() <= workload.labels.items()


def test_prod_bounds_what_is_used(render: Render) -> None:
    hard = one(render("overlays/prod"), "ResourceQuota", "rlr")["spec"]["hard"]
    assert {"requests.cpu", "limits.memory", "requests.nvidia.com/gpu", "pods"} <= set(hard)
    limits = one(render("overlays/prod"), "LimitRange", "rlr")["spec"]["limits"]
    assert {"default", "defaultRequest"} <= set(limits[0])


def test_the_nodes_of_a_training_are_as_the_pipeline_believes(render: Render) -> None:
    for folder in ("trainer", "overlays/gpu", "overlays/standalone/trainer"):
        manifests = render(folder)
        runtime = one(manifests, "TrainingRuntime", PipelineConfig().distributed.runtime)
        (workload,) = find_workloads(runtime)
        (node,) = workload.pod["containers"]
        assert node["name"] == "node"
        mounts = {mount["mountPath"]: mount["name"] for mount in node["volumeMounts"]}
        volumes = {volume["name"]: volume for volume in workload.pod["volumes"]}
        claim = volumes[mounts[WORK]]["persistentVolumeClaim"]["claimName"]
        assert claim == PipelineConfig().distributed.claim
        assert one(manifests, "PersistentVolumeClaim", claim)["spec"]["accessModes"] == [
            "ReadWriteMany"
        ]
        assert volumes[mounts["/dev/shm"]]["emptyDir"]["medium"] == "Memory"  # noqa: S108
        variables = {entry["name"] for entry in node["env"]}
        wanted = {*S3_KEYS, *S3_OPTIONAL_KEYS, *MLFLOW_KEYS, *MLFLOW_OPTIONAL_KEYS}
        assert variables == {*wanted, "RLR_DATA_CACHE"}


def test_gpu_nodes_are_those_of_the_pipeline(render: Render) -> None:
    settings = PipelineConfig()
    workloads = [w for m in render("overlays/gpu") for w in find_workloads(m)]
    assert len(workloads) == 2
    for workload in workloads:
        assert workload.pod["nodeSelector"] == settings.node_selector
        assert workload.pod["tolerations"][0]["key"] == settings.toleration
        (container,) = workload.pod["containers"]
        assert container["resources"]["limits"][settings.accelerator]
        assert "/dev/shm" in {m["mountPath"] for m in container["volumeMounts"]}  # noqa: S108


def test_the_step_that_starts_trainings_may_do_that_alone(render: Render) -> None:
    for folder, account in (
        ("trainer", ("default-editor", "rlr")),
        ("overlays/standalone/trainer", ("pipeline-runner", "kubeflow")),
    ):
        (rule,) = one(render(folder), "Role", "rlr-trainjobs")["rules"]
        assert rule == {
            "apiGroups": ["trainer.kubeflow.org"],
            "resources": ["trainjobs"],
            "verbs": ["create", "get", "delete"],
        }
        (subject,) = one(render(folder), "RoleBinding", "rlr-trainjobs")["subjects"]
        assert (subject["name"], subject["namespace"]) == account


def test_the_secrets_of_dev_are_those_that_are_asked_for(
    render: Render, kubectl: Path, repository: Path
) -> None:
    """The script prints what the manifests refer to, key by key, and other values each time."""
    script = [str(repository / "tools" / "cluster_secrets.sh")]
    environment = {"KUBECTL": str(kubectl), "PATH": "/usr/bin:/bin"}
    texts = [
        subprocess.run(script, env=environment, capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    made = {
        name_of(secret): set(secret["data"]) for secret in yaml.safe_load_all(texts[0]) if secret
    }
    assert made["rlr-s3"] >= {*S3_KEYS, "AWS_ENDPOINT_URL", "RLR_DATA_REMOTE"}
    assert made["rlr-mlflow"] >= set(MLFLOW_KEYS)
    for workload in (w for m in render("overlays/dev") for w in find_workloads(m)):
        for container in workload.containers:
            for entry in container.get("env", []):
                reference = entry.get("valueFrom", {}).get("secretKeyRef")
                if reference and not reference.get("optional"):
                    assert reference["key"] in made[reference["name"]]
    values = [[s["data"] for s in yaml.safe_load_all(text) if s] for text in texts]
    assert values[0][0]["AWS_SECRET_ACCESS_KEY"] != values[1][0]["AWS_SECRET_ACCESS_KEY"]
