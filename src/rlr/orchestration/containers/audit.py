"""Whether the steps of a run ran where they should have, and as whom."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from rlr.orchestration.containers.images import Image
from rlr.orchestration.containers.watch import Seen
from rlr.orchestration.outputs import COMPONENT_PREFIX

if TYPE_CHECKING:
    from kfp.pipeline_spec.pipeline_spec_pb2 import PipelineSpec


def container_faults(
    spec: "PipelineSpec", steps: Iterable[str], images: Mapping[str, Image], seen: list[Seen]
) -> list[str]:
    """Return what the daemon has told that does not belong to a successful run.

    Args:
        spec: The pipeline that ran.
        steps: Steps that have left outputs.
        images: The images by their reference, as they were when the run began.
        seen: What the daemon has told.
    """
    faults = [one.ending() for one in seen if one.exit_status != 0]
    for step in steps:
        mine = [one for one in seen if one.step == step]
        if not mine:
            faults.append(f"no container of the step {step} was seen")
        wanted = images[_image_of(spec, step)]
        faults += [fault for one in mine for fault in _faults_of(one, wanted)]
    return faults


def _faults_of(one: Seen, wanted: Image) -> list[str]:
    faults = []
    if one.image_id != wanted.id:
        faults.append(f"the step {one.step} ran in {one.image_id}, not in {wanted}")
    if one.user.partition(":")[0] in ("", "0", "root"):
        faults.append(f"the step {one.step} ran as root")
    if not one.read_only:
        faults.append(f"the step {one.step} ran on a root file system that can be written")
    return faults


def _image_of(spec: "PipelineSpec", step: str) -> str:
    """Return the reference of the image that a step asks for."""
    label = spec.components[f"{COMPONENT_PREFIX}{step}"].executor_label
    return str(spec.deployment_spec["executors"][label]["container"]["image"])
