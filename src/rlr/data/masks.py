"""Ground-truth masks: read, and where a part has several, merged."""

from pathlib import Path

import numpy as np
from PIL import Image

from rlr.data.images import UNDECODABLE
from rlr.data.manifest import MASK_SEPARATOR
from rlr.foundation.errors import UserError


def read_mask(root: Path, mask: str) -> np.ndarray:
    """Read the mask of one image; several files are united.

    Args:
        root: Folder of the dataset.
        mask: The manifest's `mask` entry: one relative path, or several joined with "|".

    Returns:
        Boolean array (H, W), true where a defect is; every value above zero counts.

    Raises:
        UserError: A file is unreadable, or two masks of one image differ in size.
    """
    merged: np.ndarray | None = None
    for name in mask.split(MASK_SEPARATOR):
        layer = _read_layer(root / name)
        if merged is not None and merged.shape != layer.shape:
            raise UserError(
                f"{root / name}: mask of {_size(layer)} pixels beside one of {_size(merged)}; "
                "masks of one image must be of its size."
            )
        merged = layer if merged is None else merged | layer
    assert merged is not None
    return merged


def _read_layer(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            values = np.asarray(image)
    except UNDECODABLE as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is not a readable mask ({reason}); replace it.") from error
    if values.ndim == 3:
        values = values[:, :, :3].max(axis=2)  # alpha is no defect
    return values > 0


def _size(layer: np.ndarray) -> str:
    return f"{layer.shape[1]}x{layer.shape[0]}"
