"""Component: measure a detector on the test images, and judge it by the floors."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-train:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def evaluate(
    dataset: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    evaluation: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    roc: dsl.Output[dsl.ClassificationMetrics],
    report: dsl.Output[dsl.HTML],
    config: str,
    overrides: list[str],
    data_version: str,
    run_id: str,
    seed: int = -1,
) -> NamedTuple("Outputs", floors_hold=bool, floors=str):
    """Measure a detector on the test images, and judge it by the floors.

    Args:
        dataset: Output of validate_data.
        model: Output of train.
        evaluation: Metrics, curves, scores and report.
        metrics: All metrics that have a value; the others are listed in `evaluation`.
        roc: ROC curve over the images of all classes.
        report: The report as a page.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        data_version: Data version (<md5>.dir) of the dataset; the cache goes by it.
        run_id: Run that trained the model; the cache goes by it.
        seed: Seed; negative: that of the configuration.
    """
    import shutil
    from pathlib import Path

    from rlr.orchestration import steps

    outcome = steps.evaluate(
        config,
        overrides,
        model.path,
        Path(evaluation.path),
        Path(dataset.path),
        data_version,
        seed,
        run_id,
    )
    evaluation.metadata["undefined"] = outcome.undefined
    metrics.metadata.update(outcome.metrics)
    roc.metadata["confidenceMetrics"] = outcome.roc
    shutil.copy(outcome.report, report.path)
    return outcome.floors.hold, str(outcome.floors)
