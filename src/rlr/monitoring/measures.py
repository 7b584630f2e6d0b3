"""What is measured on every image, with the definitions of the data validation."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlr.data.images import read_rgb
from rlr.features import fit_to_input
from rlr.foundation.errors import UserError
from rlr.validation.measure import grey_values, laplacian_variance, mean_grey


@dataclass(frozen=True)
class Measured:
    """One decoded image.

    Attributes:
        pixels: (H, W, 3) of the input size, uint8 RGB.
        brightness: Mean grey value of the image as it was decoded, 0 to 1.
        sharpness: Variance of the Laplacian of its grey values.
    """

    pixels: np.ndarray
    brightness: float
    sharpness: float


def measure_images(
    paths: Sequence[Path], size: tuple[int, int], white_level: int, batch_size: int
) -> Iterator[list[Measured | None]]:
    """Decode and measure images in batches; the next batch is read meanwhile.

    Args:
        paths: Image files.
        size: Input height and width in pixels.
        white_level: Value of white in 16-bit images.
        batch_size: Images a batch.

    Yields:
        One entry an image; None where the file cannot be decoded.
    """

    def one(path: Path) -> Measured | None:
        try:
            pixels = read_rgb(path, white_level)
        except UserError:
            return None
        grey = grey_values(pixels)
        return Measured(fit_to_input(pixels, *size), mean_grey(grey), laplacian_variance(grey))

    with ThreadPoolExecutor() as readers:
        ahead: list[Future[Measured | None]] = []
        for start in range(0, len(paths) + batch_size, batch_size):
            part = paths[start : start + batch_size]
            current, ahead = ahead, [readers.submit(one, path) for path in part]
            if current:
                yield [future.result() for future in current]
