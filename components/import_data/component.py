"""Component: make a new data version of the images that have arrived since the last."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def import_data(
    news: dsl.Output[dsl.Dataset],
    config: str,
    overrides: list[str],
    data_version: str = "",
    force: bool = False,
    pipeline_run: str = "",
) -> NamedTuple("Outputs", data_version=str, worth_a_look=bool, ask_drift=bool, reason=str):
    """Make a new data version of the images that have arrived since the last.

    Args:
        news: Manifest of the images that no training has seen, and their numbers.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        data_version: Data version to add to; empty: the newest of the line.
        force: Whether a training is wanted, whatever is new.
        pipeline_run: Run of the pipeline.
    """
    from pathlib import Path

    from rlr.orchestration import steps

    done = steps.import_data(config, overrides, Path(news.path), data_version, force, pipeline_run)
    news.metadata.update(new=done.new, base=done.base, data_version=done.data_version)
    return done.data_version, done.outlook != "stop", done.outlook == "watch", done.reason
