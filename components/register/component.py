"""Component: make an evaluated detector a version of the registered model."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def register(
    model: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    config: str,
    overrides: list[str],
    challenger: bool,
) -> NamedTuple("Outputs", name=str, version=str, alias=str, floors=str):
    """Make an evaluated detector a version of the registered model.

    Args:
        model: Output of train.
        evaluation: Output of evaluate for this model.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        challenger: Whether the version gets the alias "challenger".
    """
    from pathlib import Path

    from rlr.orchestration import steps

    made = steps.register(config, overrides, Path(model.path), Path(evaluation.path), challenger)
    return made.name, made.version, made.alias, made.floors
