"""How long a detector takes for an image, from decoded pixels to the decision."""

import statistics
import time
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rlr.data.manifest import Manifest

if TYPE_CHECKING:
    from rlr.detection.detector import Detector


def seconds_per_image(
    detector: "Detector", manifest: Manifest, rows: pd.DataFrame, batches: int
) -> float:
    """Return the median over batches of the time for a batch, divided by its images.

    The images are decoded before the clock starts, and the first batch, in which libraries set
    themselves up, is not counted. The median leaves out what else the machine was doing.

    Args:
        detector: The detector; its own batch size is taken.
        manifest: Where the images lie.
        rows: Rows of `manifest.frame`; images of all classes are picked at even distances.
        batches: Batches that count, at least one.
    """
    size = min(detector.batch_size, len(rows))
    wanted = np.linspace(0, len(rows) - 1, size).round().astype(int)
    images = [detector.read(manifest.root / rows["path"].iloc[place]) for place in wanted]
    detector.predict(images)
    seconds = []
    for _ in range(batches):
        start = time.perf_counter()
        detector.predict(images)  # comes back with arrays, so an accelerator is done as well
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds) / size
