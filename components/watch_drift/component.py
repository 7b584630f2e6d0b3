"""Component: hold new images against the normal images of the champion's training."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-train:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def watch_drift(
    news: dsl.Input[dsl.Dataset],
    drift: dsl.Output[dsl.Artifact],
    report: dsl.Output[dsl.HTML],
    config: str,
    overrides: list[str],
    data_version: str,
) -> NamedTuple("Outputs", drifted=bool, reason=str):
    """Hold new images against the normal images of the champion's training.

    Args:
        news: Output of import_data: the images that no training has seen.
        drift: What was found.
        report: The same as a page.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        data_version: Data version (<md5>.dir) of the images.
    """
    import shutil
    from pathlib import Path

    from rlr.orchestration import steps

    found = steps.watch_drift(config, overrides, Path(news.path), Path(drift.path), data_version)
    drift.metadata.update(drifted=found.drifted)
    shutil.copy(found.report, report.path)
    return found.drifted, found.reason
