"""Pixels from files, bytes or arrays, the same way everywhere."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from rlr.foundation.errors import UserError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
WHITE_16_BIT = 65535
# What Pillow raises at damaged files; a TypeError where a TIFF's tag is of another type.
UNDECODABLE = (OSError, SyntaxError, TypeError, ValueError, Image.DecompressionBombError)

# What files of those kinds begin with; a camera's .png may well be a JPEG.
MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

ImageSource = str | Path | bytes | np.ndarray


@dataclass(frozen=True)
class ImageHeader:
    """Size in pixels and colour mode (Pillow's name)."""

    width: int
    height: int
    mode: str


def begins_as_image(path: Path) -> bool:
    """Return whether a file begins as one of the image formats does that are read here.

    It may be damaged all the same; but what does not begin so never was an image.
    """
    with path.open("rb") as file:
        start = file.read(12)
    return start.startswith(MAGIC) or (start[:4] == b"RIFF" and start[8:] == b"WEBP")


def read_header(path: Path) -> ImageHeader:
    """Read an image's header without decoding its pixels.

    Raises:
        UserError: The file is not an image that can be read.
    """
    try:
        with Image.open(path) as image:
            return ImageHeader(image.width, image.height, image.mode)
    except UNDECODABLE as error:
        raise _unreadable(str(path), error) from error


def read_rgb(source: ImageSource, white_level: int = WHITE_16_BIT) -> np.ndarray:
    """Decode an image to eight-bit RGB.

    Grey is repeated over three channels, alpha is dropped, a palette is resolved, and 16-bit
    grey is scaled so that `white_level` becomes 255. The EXIF orientation is not applied, for
    masks have none.

    Args:
        source: Path, encoded bytes, or an array (H, W) or (H, W, 1|3|4), uint8 or uint16.
        white_level: Value of white in 16-bit images.

    Returns:
        Array (H, W, 3), uint8.

    Raises:
        UserError: The image cannot be decoded, or the array is of another kind.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source, white_level)
    name = "image bytes" if isinstance(source, bytes) else str(source)
    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as image:
            image.load()
            return _to_rgb(image, white_level)
    except UNDECODABLE as error:
        raise _unreadable(name, error) from error


def _to_rgb(image: Image.Image, white_level: int) -> np.ndarray:
    if image.mode.startswith("I") or image.mode == "F":
        return _from_array(np.asarray(image), white_level)
    return np.array(image.convert("RGB"))


def _from_array(array: np.ndarray, white_level: int) -> np.ndarray:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or array.size == 0:
        raise UserError(
            f"An image array of shape {array.shape} was given; (H, W) or (H, W, 1|3|4) is expected."
        )
    array = array[:, :, :3]
    if array.dtype != np.uint8:
        scaled = array.astype(np.float64) * (255.0 / white_level)
        array = np.clip(np.rint(scaled), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:2], 3)))


def _unreadable(name: str, error: Exception) -> UserError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{name} is not a readable image ({reason}); replace or remove it.")
