"""Component: hold a candidate against the champion, on the same images, in the same step."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-train:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def gate(
    dataset: dsl.Input[dsl.Dataset],
    model: dsl.Input[dsl.Model],
    gate: dsl.Output[dsl.Artifact],
    metrics: dsl.Output[dsl.Metrics],
    report: dsl.Output[dsl.HTML],
    config: str,
    overrides: list[str],
    data_version: str,
    run_id: str,
    seed: int = -1,
) -> NamedTuple("Outputs", outcome=str, reason=str, promote=bool, champion=str):
    """Hold a candidate against the champion, on the same images, in the same step.

    Args:
        dataset: Output of validate_data.
        model: Output of train, the candidate.
        gate: The decision, with all it was made from.
        metrics: Values of both models, and their differences with the ends of the intervals.
        report: The decision as a page.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        data_version: Data version (<md5>.dir) of the dataset.
        run_id: Run that trained the model.
        seed: Seed; negative: that of the configuration.
    """
    import shutil
    from pathlib import Path

    from rlr.orchestration import steps

    judged = steps.gate(
        config,
        overrides,
        model.path,
        Path(gate.path),
        Path(dataset.path),
        data_version,
        seed,
        run_id,
    )
    gate.metadata.update(outcome=judged.outcome, champion=judged.champion)
    metrics.metadata.update(judged.metrics)
    shutil.copy(judged.report, report.path)
    return judged.outcome, judged.reason, judged.promote, judged.champion
