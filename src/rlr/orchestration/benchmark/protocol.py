"""What the standard multi-class protocol fixes: one model, all training images, seven metrics."""

from collections.abc import Mapping, Sequence
from typing import Any

from rlr.config import Config
from rlr.foundation.errors import UserError

PROTOCOL = "standard"
IMAGE_METRICS = ("image_auroc", "image_ap", "image_f1max")
PIXEL_METRICS = ("pixel_auroc", "pixel_ap", "pixel_f1max", "aupro_0.30")
METRICS = (*IMAGE_METRICS, *PIXEL_METRICS)
SAMPLE_METRIC = "sample_auroc"
TITLES = {
    "image_auroc": "I-AUROC",
    "image_ap": "I-AP",
    "image_f1max": "I-F1-max",
    "pixel_auroc": "P-AUROC",
    "pixel_ap": "P-AP",
    "pixel_f1max": "P-F1-max",
    "aupro_0.30": "AUPRO",
    SAMPLE_METRIC: "S-AUROC",
}

# What papers do, and a user may change: nothing is set aside, so there is nothing to set
# thresholds with but the training images themselves. No figure here needs a threshold.
STARTING_POINT: Mapping[str, Any] = {
    "data.validation_fraction": 0.0,
    "threshold.method": "training",
}
# What makes the figures comparable, or has an option of its own.
FIXED: Mapping[str, Any] = {
    "evaluation.protocols": [PROTOCOL],
    "evaluation.aupro_limits": [0.30],
    "evaluation.baseline": False,
    "data.assume_normal": False,
}
OPTIONS = {
    "data.root": "--root",
    "data.classes": "--categories",
    "seed": "--seeds",
    "data.layout": "the name of the set",
    "data.version": "--root",
}


def needs_validation(config: Config) -> bool:
    """Return whether a preset cannot do without normal images that are not trained on."""
    calibration = config.detection.calibration
    calibrates = calibration.method != "none" and calibration.residuals in ("validation", "both")
    return calibrates or config.training.stopping.enabled


def refuse_fixed(overrides: Sequence[str]) -> None:
    """Refuse to change what the protocol fixes.

    Raises:
        UserError: One of the overrides does.
    """
    for override in overrides:
        key = override.partition("=")[0]
        for name in (*FIXED, *OPTIONS):
            if f"{name}.".startswith(f"{key}.") or f"{key}.".startswith(f"{name}."):
                instead = f"; it comes from {OPTIONS[name]}" if name in OPTIONS else ""
                raise UserError(f"--set {override}: the protocol decides {name}{instead}.")
