"""Component: make an evaluated detector a version of the registered model."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def register(
    model: dsl.Input[dsl.Model],
    evaluation: dsl.Input[dsl.Artifact],
    gate: dsl.Input[dsl.Artifact],
    config: str,
    overrides: list[str],
    challenger: bool,
    pipeline_run: str = "",
) -> NamedTuple("Outputs", name=str, version=str, alias=str, floors=str):
    """Make an evaluated detector a version of the registered model.

    Args:
        model: Output of train.
        evaluation: Output of evaluate for this model.
        gate: Output of gate for this model; the version carries it from here on.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        challenger: Whether the version gets the alias "challenger".
        pipeline_run: Run of the pipeline that asks for it.
    """
    from pathlib import Path

    from rlr.orchestration import steps

    made = steps.register(
        config,
        overrides,
        Path(model.path),
        Path(evaluation.path),
        challenger,
        Path(gate.path),
        pipeline_run,
    )
    return made.name, made.version, made.alias, made.floors
