"""Component: train one detector for all classes on several nodes."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def train_distributed(
    dataset: dsl.Input[dsl.Dataset],
    model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    config: str,
    overrides: list[str],
    data_version: str,
    run: str,
    seed: int = -1,
) -> NamedTuple("Outputs", run_id=str):
    """Train one detector for all classes on several nodes, by a TrainJob.

    Args:
        dataset: Output of validate_data.
        model: The detector, with the configuration and the history of its training.
        metrics: Losses and throughput of the last epoch.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        data_version: Data version (<md5>.dir) of the dataset.
        run: Kubeflow's id of the run; with the rest it names the TrainJob.
        seed: Seed; negative: that of the configuration.
    """
    from pathlib import Path

    from rlr.orchestration import steps

    outcome = steps.train_distributed(
        config, overrides, Path(model.path), Path(dataset.path), data_version, seed, run
    )
    model.metadata.update(framework="rlr", run_id=outcome.run_id, data_version=data_version)
    metrics.metadata.update(outcome.metrics)
    return (outcome.run_id,)
