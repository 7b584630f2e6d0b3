"""What an image and its mask say about themselves; every file is read once, in threads."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rlr.data.images import read_rgb
from rlr.data.manifest import Manifest
from rlr.data.masks import read_mask
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track

THUMBNAIL_SIDE = 32

# Null stands for "does not apply": no mask, or nothing could be decoded.
DTYPES = {
    "unreadable_because": "str",
    "pixel_sha256": "str",  # of the decoded RGB pixels and their shape, whatever the encoding
    "brightness": "float64",  # mean grey value, 0 to 1
    "sharpness": "float64",  # variance of the Laplacian of the grey values
    "mask_unreadable_because": "str",
    "mask_width": "Int64",  # pixels
    "mask_height": "Int64",
    "mask_area": "Int64",  # marked pixels
}


@dataclass(frozen=True)
class Measures:
    """What was measured on the images of a manifest.

    Attributes:
        frame: One row an image, in the manifest's order, columns as in `DTYPES`.
        thumbnails: (images, pixels) float32, grey values 0 to 1; zeros where unreadable.
    """

    frame: pd.DataFrame
    thumbnails: np.ndarray


def measure(manifest: Manifest, white_level: int) -> Measures:
    """Decode every image and mask of a manifest once, and measure them.

    Args:
        manifest: The table of images.
        white_level: Value of white in 16-bit images.

    Returns:
        The measures; a file that cannot be read is described in them, it raises nothing.
    """

    def one(path: str, mask: object) -> tuple[dict[str, object], np.ndarray]:
        image, thumbnail = _measure_image(manifest.root, path, white_level)
        marks = _measure_mask(manifest.root, mask) if isinstance(mask, str) else {}
        return image | marks, thumbnail

    columns = manifest.frame["path"], manifest.frame["mask"]
    with ThreadPoolExecutor() as readers:
        pending = readers.map(one, *columns)
        found = list(track(pending, "Measuring images", total=len(manifest.frame)))
    frame = pd.DataFrame([row for row, _ in found], columns=list(DTYPES))
    return Measures(frame.astype(DTYPES), np.stack([thumbnail for _, thumbnail in found]))


def _measure_image(root: Path, path: str, white_level: int) -> tuple[dict[str, object], np.ndarray]:
    try:
        pixels = read_rgb(root / path, white_level)
    except UserError as error:
        blank = np.zeros(THUMBNAIL_SIDE**2, dtype=np.float32)
        return {"unreadable_because": _reason(error, root)}, blank
    grey = grey_values(pixels)
    facts = {
        "pixel_sha256": pixel_sha256(pixels),
        "brightness": mean_grey(grey),
        "sharpness": laplacian_variance(grey),
    }
    return facts, _thumbnail(grey)


def _measure_mask(root: Path, mask: str) -> dict[str, object]:
    try:
        marked = read_mask(root, mask)
    except UserError as error:
        return {"mask_unreadable_because": f"{mask}: {_reason(error, root)}"}
    height, width = marked.shape
    return {"mask_width": width, "mask_height": height, "mask_area": int(marked.sum())}


def _reason(error: UserError, root: Path) -> str:
    """Return what went wrong, with paths as the manifest has them: alike on every machine."""
    return " ".join(str(error.__cause__ or error).split()).replace(f"{root}/", "")


def pixel_sha256(pixels: np.ndarray) -> str:
    """Return the sha256 of decoded pixels and their shape, as 64 hexadecimal digits.

    Args:
        pixels: (H, W, 3), uint8.
    """
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()


def grey_values(pixels: np.ndarray) -> np.ndarray:
    """Return the grey values (H, W) float32, 0 to 1, of pixels (H, W, 3) uint8."""
    return np.asarray(Image.fromarray(pixels).convert("L"), dtype=np.float32) / 255.0


def mean_grey(grey: np.ndarray) -> float:
    """Return the brightness of grey values (H, W) float32: their mean, 0 to 1."""
    return float(grey.mean(dtype=np.float64))


def laplacian_variance(grey: np.ndarray) -> float:
    """Return the variance of the four-neighbour Laplacian, a usual measure of sharpness.

    Args:
        grey: (H, W) float32, 0 to 1.

    Returns:
        The variance; 0 for an image without an inner pixel.

    Source:
        Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000.
    """
    if min(grey.shape) < 3:
        return 0.0
    neighbours = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    return float((neighbours - 4.0 * grey[1:-1, 1:-1]).var(dtype=np.float64))


def _thumbnail(grey: np.ndarray) -> np.ndarray:
    small = Image.fromarray(grey).resize((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BOX)
    return np.asarray(small).ravel()
