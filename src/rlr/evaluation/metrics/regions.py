"""Defect regions of a mask: which pixels they hold, and what share of its region each one is."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

EIGHT_CONNECTED = np.ones((3, 3), dtype=int)


@dataclass(frozen=True)
class Regions:
    """The P defective pixels of a mask, row by row.

    Attributes:
        window: The rows and columns around them.
        inside: Which pixels of the window are defective (h, w), bool.
        shares: Inverse size of each pixel's region (P,), float64.
        count: Number of regions.
    """

    window: tuple[slice, slice]
    inside: np.ndarray
    shares: np.ndarray
    count: int

    def of(self, scores: np.ndarray) -> np.ndarray:
        """Return the scores (P,) of the defective pixels of a map (H, W)."""
        found: np.ndarray = scores[self.window][self.inside]
        return found


def find_regions(mask: np.ndarray) -> Regions | None:
    """Label the 8-connected regions of a mask (H, W), defective where not zero.

    Returns:
        The regions; None where no pixel is defective.

    Example:
        >>> find_regions(np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]])).shares.tolist()
        [0.5, 0.5, 1.0]
    """
    defective = mask if mask.dtype == bool else mask > 0
    if not defective.any():
        return None
    rows = np.flatnonzero(defective.any(axis=1))
    columns = np.flatnonzero(defective[rows[0] : rows[-1] + 1].any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    inside = defective[window]
    labels, count = ndimage.label(inside, structure=EIGHT_CONNECTED)
    of_pixel = labels[inside]
    sizes = np.bincount(of_pixel, minlength=count + 1)
    return Regions(window, inside, 1.0 / sizes[of_pixel], count)
