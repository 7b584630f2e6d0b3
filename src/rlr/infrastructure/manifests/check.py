"""All rules over all objects."""

from collections.abc import Iterator, Sequence, Set

from rlr.infrastructure.manifests.compiled import find_steps, is_pipeline, is_platform
from rlr.infrastructure.manifests.findings import Finding
from rlr.infrastructure.manifests.objects import OBJECT_RULES
from rlr.infrastructure.manifests.pods import POD_RULES
from rlr.infrastructure.manifests.reading import Manifest, Reference
from rlr.infrastructure.manifests.references import check_references
from rlr.infrastructure.manifests.workloads import Workload, find_workloads, place_of


def check_manifests(
    manifests: Sequence[Manifest], external: Set[Reference] = frozenset()
) -> list[Finding]:
    """Return what is wrong with rendered manifests and compiled pipelines.

    Args:
        manifests: The objects, from `read_manifests`; a compiled pipeline is two of them, one
            after the other.
        external: (kind, name) of what they may refer to though they do not contain it.

    Returns:
        The findings, sorted; none where all is well.
    """
    malformed = [finding for manifest in manifests for finding in _malformed(manifest)]
    if malformed:  # the other rules take the form for granted
        return sorted(malformed)
    workloads = _workloads(manifests)
    return sorted(
        {
            *_findings_of_pods(workloads),
            *_findings_of_objects(manifests),
            *check_references(manifests, workloads, external),
        }
    )


def _malformed(manifest: Manifest) -> Iterator[Finding]:
    """Yield an object that does not even have what all objects of its kind have."""
    if is_pipeline(manifest) or is_platform(manifest):
        return
    place = str(manifest.get("kind", "an object without kind"))
    try:
        manifest["kind"], manifest["metadata"]["name"]
        [c["name"] for workload in find_workloads(manifest) for c in workload.containers]
    except (KeyError, TypeError, AttributeError) as error:
        yield Finding(place, "form", f"not of the form of its kind; validate it first ({error})")


def _workloads(manifests: Sequence[Manifest]) -> list[Workload]:
    found: list[Workload] = []
    for place, manifest in enumerate(manifests):
        if is_pipeline(manifest):
            after = manifests[place + 1] if place + 1 < len(manifests) else {}
            found += find_steps(manifest, after if is_platform(after) else None)
        else:
            found += find_workloads(manifest)
    return found


def _findings_of_pods(workloads: Sequence[Workload]) -> Iterator[Finding]:
    for workload in workloads:
        for rule, check in POD_RULES.items():
            if rule not in workload.exempt:
                yield from (Finding(workload.place, rule, fault) for fault in check(workload))


def _findings_of_objects(manifests: Sequence[Manifest]) -> Iterator[Finding]:
    for manifest in manifests:
        for rule, check in OBJECT_RULES.items():
            yield from (Finding(place_of(manifest), rule, fault) for fault in check(manifest))
