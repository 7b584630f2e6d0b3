"""The steps of a compiled pipeline as the pods that Kubeflow makes of them.

A pipeline cannot say everything of a pod. What Kubeflow's compiler sets itself (no capabilities, no
escalation, the default seccomp profile), and what the admission policy in `infra/k8s/admission`
sets (a read-only root), is not asked of it; the token is what Kubeflow's launcher works with.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from rlr.infrastructure.manifests.reading import Manifest
from rlr.infrastructure.manifests.workloads import Workload

SET_BY_OTHERS = frozenset({"privileges", "read-only root", "token"})
PREFIX = "exec-"


def is_pipeline(manifest: Manifest) -> bool:
    """Return whether a document is the pipeline's own part of a compiled pipeline."""
    return "deploymentSpec" in manifest and "pipelineInfo" in manifest


def is_platform(manifest: Manifest) -> bool:
    """Return whether a document is the part of a compiled pipeline that is for Kubernetes."""
    return "platforms" in manifest and "kind" not in manifest


def find_steps(pipeline: Manifest, platform: Manifest | None) -> Iterator[Workload]:
    """Yield the pods of the steps.

    Args:
        pipeline: First document of the compiled pipeline.
        platform: Second one; None: there is none.
    """
    settings = _executors((platform or {}).get("platforms", {}).get("kubernetes", {}))
    for name, executor in _executors(pipeline).items():
        own = settings.get(name, {})
        deadline = own.get("activeDeadlineSeconds")
        yield Workload(
            place=f"step {name.removeprefix(PREFIX)}",
            pod=_pod(executor["container"], own),
            labels=own.get("podMetadata", {}).get("labels", {}),
            ends=True,
            deadline=int(deadline) if deadline else None,
            exempt=SET_BY_OTHERS,
        )


def _executors(document: Mapping[str, Any]) -> dict[str, Any]:
    return dict(document.get("deploymentSpec", {}).get("executors", {}))


def _pod(container: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    volumes, mounts = _volumes(own)
    main = {
        "name": "main",
        "image": container["image"],
        "env": [*container.get("env", []), *_secrets(own)],
        "args": [*container.get("command", []), *container.get("args", [])],
        "resources": _resources(container.get("resources", {})),
        "volumeMounts": mounts,
        "securityContext": {
            key: int(value) if key != "runAsNonRoot" else value
            for key, value in own.get("securityContext", {}).items()
        },
    }
    pull = [{"name": entry["secretName"]} for entry in own.get("imagePullSecret", [])]
    return {"containers": [main], "volumes": volumes, "imagePullSecrets": pull}


def _resources(resources: Mapping[str, Any]) -> dict[str, Any]:
    def pair(which: str) -> dict[str, Any]:
        values = {
            "cpu": resources.get(f"resourceCpu{which}"),
            "memory": resources.get(f"resourceMemory{which}"),
        }
        return {name: value for name, value in values.items() if value}

    return {"limits": pair("Limit"), "requests": pair("Request")}


def _secrets(own: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": key["envVar"],
            "valueFrom": {
                "secretKeyRef": {
                    "name": entry["secretName"],
                    "key": key["secretKey"],
                    "optional": entry.get("optional", False),
                }
            },
        }
        for entry in own.get("secretAsEnv", [])
        for key in entry["keyToEnv"]
    ]


def _volumes(own: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    for entry in own.get("emptyDirMounts", []):
        volumes.append({"name": entry["volumeName"], "emptyDir": {**entry}})
        mounts.append({"name": entry["volumeName"], "mountPath": entry["mountPath"]})
    for entry in own.get("pvcMount", []):
        claim = entry["constant"]
        volumes.append({"name": claim, "persistentVolumeClaim": {"claimName": claim}})
        mounts.append({"name": claim, "mountPath": entry["mountPath"]})
    return volumes, mounts
