"""Pictures inside the page: the image, the defect's outline, and the heat map."""

import base64
import io
from importlib import resources

import numpy as np
from PIL import Image
from scipy import ndimage

SIDE = 288  # pixels; twice what the page shows, so that fine defects stay sharp
QUALITY = 84
MARGIN = 3.0  # pixels between the defect and the line
LINE, RIM = 2.4, 0.8  # width of the bright line, and of the dark rim on both of its sides
BRIGHT, DARK = (80, 240, 130), (20, 20, 20)  # green is in no heat map


def picture_style() -> str:
    """Return the CSS of examples (pictures beside each other, which grow) and of their scale."""
    folder = resources.files("rlr.evaluation.report")
    return folder.joinpath("pictures.css").read_text(encoding="utf-8")


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Resize an image (H, W, 3), uint8, so that its longer side is `SIDE`."""
    height, width = image.shape[:2]
    share = SIDE / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    if size == (width, height):
        return image
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def in_shape(picture: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Give a picture (h, w, 3), uint8, the shape of an image (H, W), as long as it is now."""
    longer = max(picture.shape[:2])
    height, width = (max(1, round(side * longer / max(shape))) for side in shape)
    if (height, width) == picture.shape[:2]:
        return picture
    return np.array(Image.fromarray(picture).resize((width, height), Image.Resampling.BICUBIC))


def draw_outline(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Draw the outline of a mask on an image, green within a dark rim.

    Args:
        image: (h, w, 3), uint8.
        mask: (H, W), bool, any size; a region too small to be seen is enlarged to one pixel.

    Returns:
        (h, w, 3), uint8.
    """
    inside = _fit(mask, image.shape[:2])
    # A little outside: the line must not cover the defect that it shows.
    away = ndimage.distance_transform_edt(~inside) - MARGIN
    drawn = image.copy()
    drawn[(away > 0) & (away <= LINE + 2 * RIM)] = DARK
    drawn[(away > RIM) & (away <= LINE + RIM)] = BRIGHT
    return drawn


def data_uri(image: np.ndarray) -> str:
    """Return an image (h, w, 3), uint8, as a JPEG in a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _fit(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize a mask so that no region vanishes: a pixel counts if any of its area is inside."""
    if mask.shape == shape:
        return mask
    grey = Image.fromarray(mask.astype(np.float32))
    resized = grey.resize((shape[1], shape[0]), Image.Resampling.BOX)
    return np.asarray(resized) > 0
