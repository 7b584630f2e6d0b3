"""Batches of images of the input size, read ahead by threads."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np

from rlr.config.features import FeaturesConfig
from rlr.data.images import read_rgb
from rlr.features.preprocessing import fit_to_input


def read_batches(
    paths: Sequence[Path], size: tuple[int, int], white_level: int, batch_size: int
) -> Iterator[np.ndarray]:
    """Yield images in batches; the next batch is read meanwhile, so memory stays bounded.

    Args:
        paths: Image files.
        size: Input height and width in pixels.
        white_level: Value of white in 16-bit images.
        batch_size: Images a batch; the last one may be smaller.

    Yields:
        (N, height, width, 3), uint8 RGB.

    Raises:
        UserError: A file is not a readable image.
    """

    def read(path: Path) -> np.ndarray:
        return fit_to_input(read_rgb(path, white_level), *size)

    with ThreadPoolExecutor() as readers:
        ahead: list[Future[np.ndarray]] = []
        for start in range(0, len(paths) + batch_size, batch_size):
            current, ahead = (
                ahead,
                [readers.submit(read, path) for path in paths[start:][:batch_size]],
            )
            if current:
                yield np.stack([future.result() for future in current])


def read_inputs(paths: Sequence[Path], config: FeaturesConfig) -> Iterator[np.ndarray]:
    """Yield images in batches, as a configuration's backbone takes them.

    Args:
        paths: Image files.
        config: Input size, white level and images a batch.

    Yields:
        (N, height, width, 3), uint8 RGB.

    Raises:
        UserError: A file is not a readable image.
    """
    fitted = config.preprocessing
    size = fitted.height, fitted.width
    return read_batches(paths, size, fitted.white_level, config.batch_size)
