"""Heat maps with one colour scale for all images, tied to the threshold.

A scale stretched to each image's own smallest and largest value paints good parts red.
"""

import numpy as np
from PIL import Image

# Ratio of the map to the threshold -> red, green, blue, opacity. Below half of the threshold
# the part is shown as it is; amber begins where the decision turns, deep red is twice that.
SCALE = (
    (0.0, (36, 72, 160, 0.00)),
    (0.5, (36, 72, 160, 0.00)),
    (0.9, (54, 160, 190, 0.35)),
    (1.0, (250, 190, 40, 0.55)),
    (1.5, (232, 92, 24, 0.70)),
    (2.0, (176, 10, 40, 0.80)),
)


def colours(ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the colour of anomaly map values.

    Args:
        ratio: Map value over threshold, any shape.

    Returns:
        Colour (..., 3) in 0 to 255, and opacity (...) in 0 to 1, both float64.
    """
    stops = np.array([stop for stop, _ in SCALE])
    table = np.array([colour for _, colour in SCALE])
    channels = [np.interp(ratio, stops, table[:, channel]) for channel in range(4)]
    return np.stack(channels[:3], axis=-1), channels[3]


def overlay(image: np.ndarray, anomaly_map: np.ndarray, threshold: float) -> np.ndarray:
    """Lay an anomaly map over its image.

    Args:
        image: (H, W, 3), uint8 RGB, any size.
        anomaly_map: (h, w), float32, of the input size; it is stretched to the image.
        threshold: The image's threshold, at which the colour turns.

    Returns:
        (H, W, 3), uint8.
    """
    size = (image.shape[1], image.shape[0])
    stretched = Image.fromarray(anomaly_map).resize(size, Image.Resampling.BILINEAR)
    ratio = np.asarray(stretched) / max(threshold, np.finfo(np.float32).tiny)
    colour, opacity = colours(ratio)
    mixed = image * (1.0 - opacity[..., None]) + colour * opacity[..., None]
    blended: np.ndarray = np.rint(mixed).astype(np.uint8)
    return blended
