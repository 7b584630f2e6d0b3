"""Rules for what makes no pods. Each takes an object and yields what is wrong."""

from collections.abc import Callable, Iterator

from rlr.infrastructure.manifests.pods import is_pinned
from rlr.infrastructure.manifests.reading import Manifest
from rlr.infrastructure.manifests.words import LITERAL_SECRET, names_a_secret

Rule = Callable[[Manifest], Iterator[str]]

LEVEL = "pod-security.kubernetes.io/enforce"
EVERYTHING = "*"


def _namespace(manifest: Manifest) -> Iterator[str]:
    if manifest.get("kind") == "Namespace":
        level = manifest["metadata"].get("labels", {}).get(LEVEL)
        if level != "restricted":
            yield f"{LEVEL} is {level or 'missing'}; it must be restricted"


def _values(manifest: Manifest) -> Iterator[str]:
    if manifest.get("kind") == "Secret" and (manifest.get("data") or manifest.get("stringData")):
        yield "a secret's values stand in the manifest"
    if manifest.get("kind") == "ConfigMap":
        for key, value in manifest.get("data", {}).items():
            if names_a_secret(key) or LITERAL_SECRET.search(str(value)):
                yield f"the key {key} belongs into a secret"


def _rights(manifest: Manifest) -> Iterator[str]:
    if manifest.get("kind") in ("Role", "ClusterRole"):
        for rule in manifest.get("rules", []):
            for part in ("verbs", "resources", "apiGroups"):
                if EVERYTHING in rule.get(part, []):
                    yield f"gives all {part}; name those that are needed"
    mounts = manifest.get("automountServiceAccountToken") is not False
    if manifest.get("kind") == "ServiceAccount" and mounts:
        yield "its token is mounted unless a pod says no; say no here"


def _train_job(manifest: Manifest) -> Iterator[str]:
    if manifest.get("kind") != "TrainJob":
        return
    spec = manifest["spec"]
    trainer = spec.get("trainer", {})
    if not is_pinned(str(trainer.get("image", ""))):
        yield f"'{trainer.get('image')}' can change; name an exact tag or a digest"
    if not spec.get("activeDeadlineSeconds"):
        yield "no activeDeadlineSeconds"
    for which in ("requests", "limits"):
        for what in ("cpu", "memory"):
            if not trainer.get("resourcesPerNode", {}).get(which, {}).get(what):
                yield f"no {what} in {which} of a node"


OBJECT_RULES: dict[str, Rule] = {
    "namespace": _namespace,
    "secrets": _values,
    "rights": _rights,
    "train job": _train_job,
}
