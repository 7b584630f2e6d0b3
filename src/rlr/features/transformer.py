"""Vision transformers: models whose position codes are made for one size of image."""

from typing import Any

from torch import nn

from rlr.foundation.errors import UserError


def fit_to_size(network: nn.Module, name: str, size: tuple[int, int]) -> None:
    """Make a model that was trained at one size take images of another one.

    The position codes are interpolated by timm, once: a size that they were made for changes
    nothing, and the artifact holds those that are used. Models that take any size are left alone,
    and those that interpolate at every pass (option `dynamic_img_size`).

    Args:
        network: timm's feature extractor.
        name: timm model name.
        size: Height and width in pixels.

    Raises:
        UserError: The size is no multiple of the patch.
    """
    model: Any = getattr(network, "model", None)
    patches = getattr(model, "patch_embed", None)
    if model is None or not hasattr(model, "set_input_size") or patches is None:
        return
    if not patches.dynamic_img_pad:
        _require_whole_patches(name, size, patches.feat_ratio(as_scalar=False))
    if not getattr(model, "dynamic_img_size", False):
        model.set_input_size(img_size=size)


def _require_whole_patches(name: str, size: tuple[int, int], patch: tuple[int, int]) -> None:
    for key, pixels, side in zip(("height", "width"), size, patch, strict=True):
        below = pixels // side * side
        if pixels != below:
            nearest = f"{below} or {below + side}" if below else str(side)
            raise UserError(
                f"features.preprocessing.{key}: {pixels} px is no multiple of the {side} px patch "
                f"of {name}; the nearest sizes are {nearest}."
            )
