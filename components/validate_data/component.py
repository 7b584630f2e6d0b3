"""Component: list the images of a data version, and hold them against the expectations."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def validate_data(
    dataset: dsl.Output[dsl.Dataset],
    report: dsl.Output[dsl.HTML],
    config: str,
    overrides: list[str],
    data_version: str = "",
    seed: int = -1,
) -> NamedTuple("Outputs", passed=bool, reason=str, data_version=str):
    """List the images of a data version, and hold them against the expectations.

    Args:
        dataset: Manifest and result of validation; the images stay where they are.
        report: The result as a page.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        data_version: Data version (<md5>.dir); empty: what lies in data.root.
        seed: Seed; negative: that of the configuration.
    """
    import shutil
    from pathlib import Path

    from rlr.orchestration import steps

    outcome = steps.validate_data(config, overrides, Path(dataset.path), data_version, seed)
    shutil.copy(outcome.report, report.path)
    return outcome.passed, outcome.reason, outcome.data_version
