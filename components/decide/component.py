"""Component: decide whether to train again, and claim the training."""

from importlib.metadata import version
from typing import NamedTuple

from kfp import dsl

IMAGE = f"rlr-pipeline:{version('rlr')}"


@dsl.component(base_image=IMAGE, packages_to_install=[], install_kfp_package=False)
def decide(
    news: dsl.Input[dsl.Dataset],
    decision: dsl.Output[dsl.Artifact],
    config: str,
    overrides: list[str],
    force: bool = False,
    drift_asked: bool = False,
    drift_found: bool = False,
    drift_reason: str = "",
) -> NamedTuple("Outputs", retrain=bool, reason=str):
    """Decide whether to train again, and claim the training.

    Args:
        news: Output of import_data.
        decision: The decision, with the figures that it went by.
        config: Name of a preset, or a YAML document.
        overrides: key=value each.
        force: Whether a training is wanted, whatever is new.
        drift_asked: Whether the monitor has looked at the new images.
        drift_found: Whether they have drifted.
        drift_reason: What it says of them.
    """
    from pathlib import Path

    from rlr.orchestration import steps
    from rlr.orchestration.retraining.decision import Drift

    drift = Drift(drift_found, drift_reason) if drift_asked else None
    done = steps.decide(config, overrides, Path(news.path), Path(decision.path), force, drift)
    decision.metadata.update(retrain=done.retrain, trigger=done.trigger)
    return done.retrain, done.reason
