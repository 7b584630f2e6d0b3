"""Whatever makes pods, brought to one form."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rlr.infrastructure.manifests.reading import Manifest

SERVERS = ("Deployment", "StatefulSet", "DaemonSet")
RUNTIMES = ("TrainingRuntime", "ClusterTrainingRuntime")


@dataclass(frozen=True)
class Workload:
    """A pod as an object will make it.

    Attributes:
        place: The object, as findings name it.
        pod: The pod's `spec`.
        labels: The pod's labels.
        serves: Whether it is a server, which must say when it is ready.
        ends: Whether it is work that comes to an end, which must have a deadline.
        deadline: Seconds after which it is ended.
        exempt: Rules that it cannot keep by itself, since somebody else does.
    """

    place: str
    pod: Mapping[str, Any]
    labels: Mapping[str, str] = field(default_factory=dict)
    serves: bool = False
    ends: bool = False
    deadline: int | None = None
    exempt: frozenset[str] = frozenset()

    @property
    def containers(self) -> Sequence[Mapping[str, Any]]:
        """All containers, those that run first included."""
        return [*self.pod.get("initContainers", []), *self.pod.get("containers", [])]

    def security(self, container: Mapping[str, Any]) -> dict[str, Any]:
        """Return what holds for a container: its own security context over the pod's."""
        return {**self.pod.get("securityContext", {}), **container.get("securityContext", {})}


def find_workloads(manifest: Manifest) -> Iterator[Workload]:
    """Yield the pods that an object makes."""
    kind, spec = manifest.get("kind", ""), manifest.get("spec", {})
    place = place_of(manifest)
    if kind == "Pod":
        yield _workload(place, manifest)
    elif kind in SERVERS:
        yield _workload(place, spec["template"], serves=True)
    elif kind == "Job":
        yield _work(place, spec)
    elif kind == "CronJob":
        yield _work(place, spec["jobTemplate"]["spec"])
    elif kind in RUNTIMES:
        for job in spec["template"]["spec"]["replicatedJobs"]:
            # Its jobs end with the TrainJob, which has the deadline.
            yield _workload(f"{place}, {job['name']}", job["template"]["spec"]["template"])


def place_of(manifest: Manifest) -> str:
    """Return how findings name an object."""
    return f"{manifest.get('kind', '?')}/{manifest.get('metadata', {}).get('name', '?')}"


def _work(place: str, spec: Mapping[str, Any]) -> Workload:
    return _workload(place, spec["template"], ends=True, deadline=spec.get("activeDeadlineSeconds"))


def _workload(place: str, template: Mapping[str, Any], **properties: Any) -> Workload:
    labels = template.get("metadata", {}).get("labels", {})
    return Workload(place, template["spec"], labels, **properties)
