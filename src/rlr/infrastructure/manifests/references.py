"""Everything that an object refers to must be there, or be known to be made by somebody else."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import yaml

from rlr.infrastructure.manifests.findings import Finding
from rlr.infrastructure.manifests.reading import Manifest, Reference
from rlr.infrastructure.manifests.workloads import Workload, place_of

RULE = "references"
# Volumes, and the field that names what they are made of.
SOURCES = {
    "secret": ("Secret", "secretName"),
    "configMap": ("ConfigMap", "name"),
    "persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"),
}


def check_references(
    manifests: Sequence[Manifest], workloads: Sequence[Workload], external: Set[Reference]
) -> Iterator[Finding]:
    """Yield what is referred to and not there, and selectors that select nothing."""
    there = {(m["kind"], m["metadata"]["name"]) for m in manifests if "kind" in m} | external
    wanted = [(w.place, ref) for w in workloads for ref in _of_pod(w)]
    wanted += [(place_of(m), ref) for m in manifests for ref in _of_object(m)]
    for place, (kind, name) in wanted:
        if (kind, name) not in there:
            yield Finding(place, RULE, f"{kind} {name} is neither here nor listed as external")
    for manifest in manifests:
        if _selects_nothing(manifest, workloads):
            yield Finding(place_of(manifest), RULE, "its selector matches no pod")


def _of_pod(workload: Workload) -> Iterator[Reference]:
    pod = workload.pod
    if "serviceAccountName" in pod:
        yield "ServiceAccount", pod["serviceAccountName"]
    for entry in pod.get("imagePullSecrets", []):
        yield "Secret", entry["name"]
    for volume in pod.get("volumes", []):
        yield from _of_volume(volume)
    for container in workload.containers:
        yield from _of_environment(container)


def _of_volume(volume: Mapping[str, Any]) -> Iterator[Reference]:
    for source, (kind, field) in SOURCES.items():
        entry = volume.get(source)
        if entry and not entry.get("optional"):
            yield kind, entry[field]


def _of_environment(container: Mapping[str, Any]) -> Iterator[Reference]:
    variables = (v["valueFrom"] for v in container.get("env", []) if "valueFrom" in v)
    for entry in [*variables, *container.get("envFrom", [])]:
        for key, kind in (("secretKeyRef", "Secret"), ("secretRef", "Secret")):
            yield from _named(entry.get(key), kind)
        for key, kind in (("configMapKeyRef", "ConfigMap"), ("configMapRef", "ConfigMap")):
            yield from _named(entry.get(key), kind)


def _named(entry: Mapping[str, Any] | None, kind: str) -> Iterator[Reference]:
    if entry and not entry.get("optional"):
        yield kind, entry["name"]


def _of_object(manifest: Manifest) -> Iterator[Reference]:
    kind = manifest.get("kind")
    if kind in ("RoleBinding", "ClusterRoleBinding"):
        yield manifest["roleRef"]["kind"], manifest["roleRef"]["name"]
        for subject in manifest.get("subjects", []):
            yield subject["kind"], subject["name"]
    elif kind == "TrainJob":
        runtime = manifest["spec"]["runtimeRef"]
        yield runtime.get("kind", "ClusterTrainingRuntime"), runtime["name"]
    elif kind == "MutatingAdmissionPolicyBinding":
        yield "MutatingAdmissionPolicy", manifest["spec"]["policyName"]
    elif kind == "ConfigMap":
        yield from _of_launcher(manifest.get("data", {}).get("providers", ""))


def _of_launcher(providers: str) -> Iterator[Reference]:
    """Yield the secrets that Kubeflow's launcher reads for its object stores."""
    for provider in (yaml.safe_load(providers) or {}).values():
        secret = provider.get("default", {}).get("credentials", {}).get("secretRef", {})
        if secret:
            yield "Secret", secret["secretName"]


def _selects_nothing(manifest: Manifest, workloads: Iterable[Workload]) -> bool:
    spec = manifest.get("spec", {})
    if manifest.get("kind") == "Service":
        labels = spec.get("selector")
    elif manifest.get("kind") == "PodDisruptionBudget":
        labels = spec.get("selector", {}).get("matchLabels")
    else:
        return False
    return bool(labels) and not any(labels.items() <= w.labels.items() for w in workloads)
