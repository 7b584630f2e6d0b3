"""From a pipeline in Python to the YAML that a cluster runs."""

import tempfile
from pathlib import Path

from rlr.foundation.atomic import atomic_file
from rlr.orchestration.cluster import IMAGE_PIPELINE, IMAGE_TRAIN, Cluster
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project


def compile_pipeline(
    project: Project,
    name: str,
    defaults: Parameters,
    image_pipeline: str | None = None,
    image_train: str | None = None,
) -> str:
    """Compile a pipeline.

    Args:
        project: The checkout.
        name: Name of the pipeline.
        defaults: Values of the parameters that a run may leave out; the section `pipeline` of
            the configuration that they mean says what the steps get.
        image_pipeline: Image of the light steps; None: `rlr-pipeline:VERSION`.
        image_train: Image of the heavy steps; None: `rlr-train:VERSION`.

    Returns:
        The compiled pipeline, one or two YAML documents. The same input gives the same bytes.

    Raises:
        UserError: There is no such pipeline, or the configuration is refused.
    """
    from kfp.compiler import Compiler

    settings = defaults.resolve().pipeline
    cluster = Cluster(settings, image_pipeline or IMAGE_PIPELINE, image_train or IMAGE_TRAIN)
    with project.load(name) as module, tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "pipeline.yaml"
        Compiler().compile(module.build(cluster.prepare, defaults), str(target))
        return target.read_text(encoding="utf-8")


def write_pipeline(text: str, target: Path) -> None:
    """Write a compiled pipeline, atomically."""
    with atomic_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
