"""Which pixels are defective, for images where that is known."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from rlr.data.manifest import Manifest
from rlr.data.masks import read_mask
from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class Coverage:
    """For how many defective images of a class the defective pixels are known.

    Attributes:
        masked: Defective images with a mask.
        unmasked: Defective images without one; pixel metrics leave them out, and where no image
            of the class has a mask, the whole class.
    """

    masked: int
    unmasked: int


class GroundTruth:
    """Masks of test images at their native size, read once and held with a bit a pixel.

    Args:
        manifest: Where the masks lie.
        frame: Rows of judged images, with the column `defective`.

    Raises:
        UserError: A mask is unreadable or not of its image's size.
    """

    def __init__(self, manifest: Manifest, frame: pd.DataFrame) -> None:
        self._shapes = list(zip(frame["height"], frame["width"], strict=True))
        masked = frame["defective"] & frame["mask"].notna()
        self._packed = {
            place: np.packbits(_read(manifest, frame.iloc[place]))
            for place in np.flatnonzero(masked).tolist()
        }
        self.coverage = {
            str(name): Coverage(
                masked=int(masked[rows.index].sum()),
                unmasked=int((rows["defective"] & rows["mask"].isna()).sum()),
            )
            for name, rows in frame.groupby("class")
        }
        self.known = [
            place
            for place, (name, defective) in enumerate(
                zip(frame["class"], frame["defective"], strict=True)
            )
            if self.coverage[name].masked and (not defective or place in self._packed)
        ]

    def shape(self, place: int) -> tuple[int, int]:
        """Return height and width in pixels of the image at a place in the frame."""
        height, width = self._shapes[place]
        return int(height), int(width)

    def mask(self, place: int) -> np.ndarray:
        """Return the mask (H, W) of the image at a place in the frame, bool, native size."""
        shape = self.shape(place)
        if place not in self._packed:
            return np.broadcast_to(np.False_, shape)
        count = shape[0] * shape[1]
        return np.unpackbits(self._packed[place], count=count).reshape(shape).astype(bool)


def _read(manifest: Manifest, row: pd.Series) -> np.ndarray:
    mask = read_mask(manifest.root, row["mask"])
    if mask.shape != (row["height"], row["width"]):
        raise UserError(
            f"{manifest.root / row['mask']}: mask of {mask.shape[1]}x{mask.shape[0]} pixels for an "
            f"image of {row['width']}x{row['height']} ({row['path']}); a mask must be of its "
            "image's size."
        )
    return mask
