"""From a decoded image to the backbone's input size."""

import numpy as np
from PIL import Image


def fit_to_input(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize an image to the input size, bilinear with antialiasing.

    Args:
        image: (any height, any width, 3), uint8 RGB.
        height: Input height in pixels.
        width: Input width in pixels.

    Returns:
        (height, width, 3), uint8.
    """
    if image.shape[:2] == (height, width):
        return image
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    return np.array(resized)
