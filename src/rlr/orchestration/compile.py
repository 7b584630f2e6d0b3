"""From a pipeline in Python to the YAML that a cluster runs."""

import tempfile
from pathlib import Path

import yaml

from rlr.foundation.atomic import atomic_file
from rlr.orchestration.cluster import Cluster
from rlr.orchestration.images import choose_images, pin_images
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
        image_pipeline: Image of the light steps; None: `pipeline.image_pipeline`.
        image_train: Image of the heavy steps; None: `pipeline.image_train`.

    Returns:
        The compiled pipeline, one or two YAML documents. The same input gives the same bytes.

    Raises:
        UserError: There is no such pipeline, or the configuration is refused.
    """
    from kfp.compiler import Compiler

    settings = defaults.resolve().pipeline
    images = choose_images(settings, image_pipeline, image_train)
    cluster = Cluster(settings, images.pipeline, images.train)
    with project.load(name) as module, tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "pipeline.yaml"
        Compiler().compile(module.build(cluster.prepare, defaults), str(target))
        return target.read_text(encoding="utf-8")


def compile_pinned(
    project: Project,
    name: str,
    defaults: Parameters,
    image_pipeline: str | None = None,
    image_train: str | None = None,
    allow_tag: bool = False,
) -> str:
    """Compile a pipeline whose images are named by digest, as a cluster should get it.

    Args:
        project: The checkout.
        name: Name of the pipeline.
        defaults: As for `compile_pipeline`.
        image_pipeline: Image of the light steps; None: `pipeline.image_pipeline`.
        image_train: Image of the heavy steps; None: `pipeline.image_train`.
        allow_tag: Whether a tag may stay where no registry knows its digest.

    Raises:
        UserError: An image cannot be pinned, or what `compile_pipeline` refuses.
        MachineError: A registry does not answer.
    """
    chosen = choose_images(defaults.resolve().pipeline, image_pipeline, image_train)
    images = pin_images(chosen, allow_tag)
    return compile_pipeline(project, name, defaults, images.pipeline, images.train)


def pipeline_title(compiled: str) -> str:
    """Return what a compiled pipeline calls itself, which is its name on a cluster."""
    document = next(yaml.safe_load_all(compiled))
    return str(document["pipelineInfo"]["name"])


def parameter_names(compiled: str) -> list[str]:
    """Return the names of the parameters that a compiled pipeline knows, sorted."""
    root = next(yaml.safe_load_all(compiled))["root"]
    return sorted(root.get("inputDefinitions", {}).get("parameters", {}))


def write_pipeline(text: str, target: Path) -> None:
    """Write a compiled pipeline, atomically."""
    with atomic_file(target) as temporary:
        temporary.write_text(text, encoding="utf-8")
