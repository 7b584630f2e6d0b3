"""What must be there before a training begins; refused in one sentence where it is not."""

import logging

from rlr.config import Config
from rlr.data.manifest import UNREADABLE, Manifest
from rlr.foundation.errors import UserError
from rlr.training.augmentation import require_known
from rlr.training.store import ImageSet

logger = logging.getLogger(__name__)


def require_images(config: Config, manifest: Manifest, images: ImageSet, normals: ImageSet) -> None:
    """Refuse to train on nothing, or on what the configuration cannot be meant for.

    Args:
        config: The configuration.
        manifest: All images.
        images: The training images.
        normals: The normal validation images.

    Raises:
        UserError: An image cannot be read, there are none to train on, or none where thresholds or
            calibration need them.
    """
    _refuse_unreadable(config, manifest)
    require_known(images.classes, config.training.augmentation)
    if not len(images):
        raise UserError(
            f"{manifest.root}: no normal training image that is in no other split; "
            "see the splits with `rlr data index`."
        )
    if not len(normals):
        _require_no_normals(config)


def _require_no_normals(config: Config) -> None:
    """Refuse a configuration that needs validation images."""
    if config.threshold.method == "pooled":
        raise UserError(
            "No validation images, so no threshold can be set: raise "
            "data.validation_fraction, add images, or set threshold.method=cross_fit."
        )
    calibration = config.detection.calibration
    if calibration.method != "none" and calibration.residuals == "validation":
        raise UserError(
            "detection.calibration.residuals=validation, and there are no validation images: "
            "raise data.validation_fraction, or set it to training."
        )


def _refuse_unreadable(config: Config, manifest: Manifest) -> None:
    """Leave unreadable images out only where the configuration lets validation pass them."""
    frame = manifest.frame
    chosen = frame["split"].isin(["train", "validation"]) & (frame["mode"] == UNREADABLE)
    paths = list(frame.loc[chosen, "path"])
    if not paths:
        return
    told = f"{manifest.root / paths[0]} is not a readable image ({len(paths)} in all)"
    if config.validation.severity.readable == "critical":
        raise UserError(
            f"{told}; replace or remove it, or set validation.severity.readable=warning."
        )
    logger.warning("%s: left out of the training.", told)
