"""Other views of training images, as their class allows: turned, mirrored, in other light."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import rotate

from rlr.config.augmentation import ANY_CLASS, AugmentationConfig, Flip, Rotation
from rlr.foundation.errors import UserError
from rlr.training.seeding import generator

MIDDLE_GREY = 127.5


@dataclass(frozen=True)
class Allowed:
    """What may be done to the images of a class.

    Attributes:
        rotate: none, by quarter turns, or by any angle.
        flip: none, left to right, upside down, or both.
        light: Greatest relative change of brightness and of contrast.
    """

    rotate: Rotation
    flip: Flip
    light: float


def allowed_for(name: str, config: AugmentationConfig) -> Allowed:
    """Return what may be done to the images of a class: its own entry, else that of all classes."""
    return Allowed(
        rotate=config.rotate.get(name, config.rotate.get(ANY_CLASS, "none")),
        flip=config.flip.get(name, config.flip.get(ANY_CLASS, "none")),
        light=config.light,
    )


def require_known(classes: Iterable[str], config: AugmentationConfig) -> None:
    """Refuse an entry for a class that there is not: it is most likely a slip of the pen.

    Raises:
        UserError: A key is neither a class nor the one for all classes.
    """
    known = set(classes)
    for key, entries in (("rotate", config.rotate), ("flip", config.flip)):
        unknown = sorted(set(entries) - known - {ANY_CLASS})
        if unknown:
            raise UserError(
                f"training.augmentation.{key}: {unknown[0]} is no class of the training images "
                f"({', '.join(sorted(known))}); name one of them, or '*' for all."
            )


def augment(image: np.ndarray, allowed: Allowed, *address: int | str) -> np.ndarray:
    """Return another view of an image.

    Args:
        image: (H, W, 3), uint8 RGB of the input size.
        allowed: What may be done to it.
        address: Of what is drawn, such as (seed, copy, image hash); see `seeding.py`.

    Returns:
        (H, W, 3), uint8. What a rotation uncovers is filled by reflection at the border.
    """
    draws = generator("augmentation", *address)
    turn, flip_x, flip_y, brightness, contrast = torch.rand(5, generator=draws).tolist()
    view = _turn(image, allowed.rotate, turn)
    if allowed.flip in ("horizontal", "both") and flip_x < 1 / 2:
        view = view[:, ::-1]
    if allowed.flip in ("vertical", "both") and flip_y < 1 / 2:
        view = view[::-1]
    if allowed.light > 0.0:
        view = _light(
            view, *(1.0 + allowed.light * (2.0 * d - 1.0) for d in (brightness, contrast))
        )
    return np.ascontiguousarray(view)


def _turn(image: np.ndarray, rotation: Rotation, share: float) -> np.ndarray:
    """Turn by a share of a full turn; quarter turns of what is not square are half turns."""
    if rotation == "none":
        return image
    if rotation == "quarter":
        step = 1 if image.shape[0] == image.shape[1] else 2
        return np.rot90(image, int(share * 4) // step * step)
    turned: np.ndarray = rotate(image, 360.0 * share, reshape=False, order=1, mode="reflect")
    return turned


def _light(image: np.ndarray, brightness: float, contrast: float) -> np.ndarray:
    values = (image.astype(np.float32) - MIDDLE_GREY) * contrast + MIDDLE_GREY
    lit: np.ndarray = np.rint(values * brightness).clip(0, 255).astype(np.uint8)
    return lit
