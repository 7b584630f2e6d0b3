"""Rules for pods. Each takes a workload and yields what is wrong."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rlr.infrastructure.manifests.words import LITERAL_SECRET, names_a_secret
from rlr.infrastructure.manifests.workloads import Workload

Container = Mapping[str, Any]
Rule = Callable[[Workload], Iterator[str]]

DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")
# A release: 1.2, 17.5-bookworm, RELEASE.2025-04-22T22-12-26Z; not 17, stable or latest.
EXACT_TAG = re.compile(r"\d+\.\d+|\d{4}-\d{2}-\d{2}")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
SCRATCH = "/tmp"  # noqa: S108 - a mount


def _image(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        image = str(container.get("image", ""))
        if not is_pinned(image):
            yield f"{container['name']}: '{image}' can change; name an exact tag or a digest"


def is_pinned(image: str) -> bool:
    """Return whether an image is named by digest, or by the exact tag of a release."""
    if DIGEST.search(image):
        return True
    tag = image.rpartition("/")[2].partition(":")[2]
    return bool(EXACT_TAG.search(tag)) and "latest" not in tag


def _limits(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        resources = container.get("resources", {})
        for which in ("requests", "limits"):
            for what in ("cpu", "memory"):
                if not resources.get(which, {}).get(what):
                    yield f"{container['name']}: no {what} in {which}"


def _user(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        security = workload.security(container)
        if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
            yield f"{container['name']}: may run as root; set runAsNonRoot and a numeric runAsUser"


def _privileges(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        security = workload.security(container)
        capabilities = security.get("capabilities", {})
        faults = {
            "is privileged": security.get("privileged"),
            "may escalate its privileges": security.get("allowPrivilegeEscalation") is not False,
            "keeps capabilities; drop ALL": capabilities.get("drop") != ["ALL"],
            "adds capabilities": capabilities.get("add"),
            "has no seccomp profile": not security.get("seccompProfile", {}).get("type"),
        }
        yield from (f"{container['name']}: {fault}" for fault, holds in faults.items() if holds)


def _host(workload: Workload) -> Iterator[str]:
    pod = workload.pod
    yield from (key for key in ("hostNetwork", "hostPID", "hostIPC") if pod.get(key))
    for volume in pod.get("volumes", []):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is a path of the node"
    for container in workload.containers:
        if any("hostPort" in port for port in container.get("ports", [])):
            yield f"{container['name']}: takes a port of the node"


def _read_only_root(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        if workload.security(container).get("readOnlyRootFilesystem") is not True:
            yield f"{container['name']}: the root file system can be written"


def _scratch(workload: Workload) -> Iterator[str]:
    """A root that is read-only leaves nowhere to write, unless something is mounted."""
    claims = {v["name"] for v in workload.pod.get("volumes", []) if "emptyDir" in v}
    for container in workload.containers:
        mounts = {m["mountPath"] for m in container.get("volumeMounts", []) if m["name"] in claims}
        if SCRATCH not in mounts:
            yield f"{container['name']}: no emptyDir at {SCRATCH}"


def _bounded(workload: Workload) -> Iterator[str]:
    for volume in workload.pod.get("volumes", []):
        if "emptyDir" in volume and not (volume["emptyDir"] or {}).get("sizeLimit"):
            yield f"emptyDir {volume['name']} has no sizeLimit"


def _token(workload: Workload) -> Iterator[str]:
    if workload.pod.get("automountServiceAccountToken") is not False:
        yield "a token of the API is mounted; set automountServiceAccountToken: false"


def _probes(workload: Workload) -> Iterator[str]:
    if workload.serves:
        for container in workload.pod.get("containers", []):
            yield from (f"{container['name']}: no {p}" for p in PROBES if p not in container)


def _deadline(workload: Workload) -> Iterator[str]:
    if workload.ends and not workload.deadline:
        yield "no activeDeadlineSeconds"


def _secrets(workload: Workload) -> Iterator[str]:
    for container in workload.containers:
        for variable in container.get("env", []):
            value = str(variable.get("value", ""))
            reference = value.startswith("$(")
            if value and not reference and names_a_secret(variable["name"]):
                yield f"{container['name']}: {variable['name']} stands in the manifest"
            elif LITERAL_SECRET.search(value):
                yield f"{container['name']}: {variable['name']} holds a password"
        words = [*container.get("command", []), *container.get("args", [])]
        if any(LITERAL_SECRET.search(str(word)) for word in words):
            yield f"{container['name']}: a password stands on the command line"


POD_RULES: dict[str, Rule] = {
    "image": _image,
    "limits": _limits,
    "user": _user,
    "privileges": _privileges,
    "host": _host,
    "read-only root": _read_only_root,
    "scratch": _scratch,
    "size limit": _bounded,
    "token": _token,
    "probes": _probes,
    "deadline": _deadline,
    "secrets": _secrets,
}
