"""Component: make a version the champion, by the gate result that it carries."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def promote(config: str, overrides: list[str], version: str, pipeline_run: str = "") -> NamedTuple(
    "Outputs", version=str, previous=str
):
    """Make a version the champion, by the gate result that it carries.

    Args:
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        version: Number of the version.
        pipeline_run: Run of the pipeline that asks for it.
    """
    from rlr.orchestration import steps

    done = steps.promote(config, overrides, version, pipeline_run)
    return done.version, done.previous
