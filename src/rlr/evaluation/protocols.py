"""What exactly is measured: the same words mean other numbers under another protocol."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from PIL import Image

from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.scored import ScoredSet

STANDARD_SIDE = 256  # pixels, to which the papers on multi-class detection bring maps and masks


@dataclass(frozen=True)
class Protocol:
    """A way to measure pixels; image scores are the greatest smoothed value in all of them.

    Attributes:
        name: Its name, which stands beside every figure.
        meaning: What is compared with what, in a sentence.
        map_of: Returns the map (H, W) of the image at a place.
        mask_of: Returns the mask (H, W) of the same size, bool.
    """

    name: str
    meaning: str
    map_of: Callable[[ScoredSet, GroundTruth, int], np.ndarray]
    mask_of: Callable[[ScoredSet, GroundTruth, int], np.ndarray]

    def pairs(
        self, scored: ScoredSet, truth: GroundTruth, class_name: str | None = None
    ) -> tuple["Lazily", "Lazily"]:
        """Return masks and maps of the images whose pixels are known, made when asked for.

        Args:
            scored: The images with their maps.
            truth: Their defective pixels.
            class_name: The class whose images are meant; None: all.
        """
        names = scored.frame["class"]
        places = [place for place in truth.known if class_name in (None, names[place])]
        return (
            Lazily(lambda place: self.mask_of(scored, truth, place), places),
            Lazily(lambda place: self.map_of(scored, truth, place), places),
        )


class Lazily(Sequence[np.ndarray]):
    """A sequence of arrays that are made when they are asked for, and not kept."""

    def __init__(self, make: Callable[[int], np.ndarray], places: Sequence[int]) -> None:
        self._make, self._places = make, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...
    @overload
    def __getitem__(self, index: slice) -> "Lazily": ...
    def __getitem__(self, index: int | slice) -> "np.ndarray | Lazily":
        if isinstance(index, slice):
            return Lazily(self._make, self._places[index])
        return self._make(self._places[index])


def stretch(anomaly_map: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize a map bilinearly.

    Args:
        anomaly_map: (h, w), float32.
        shape: Height and width to come to, in pixels.

    Returns:
        (H, W), float32.
    """
    if anomaly_map.shape == shape:
        return anomaly_map
    size = (int(shape[1]), int(shape[0]))
    return np.asarray(Image.fromarray(anomaly_map).resize(size, Image.Resampling.BILINEAR))


def shrink_mask(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Resize a mask (H, W) by nearest neighbour; returns bool of the given shape."""
    if mask.shape == shape:
        return mask
    size = (int(shape[1]), int(shape[0]))
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def _native_map(scored: ScoredSet, truth: GroundTruth, place: int) -> np.ndarray:
    return stretch(scored.anomaly_maps[place], truth.shape(place))


def _native_mask(_: ScoredSet, truth: GroundTruth, place: int) -> np.ndarray:
    return truth.mask(place)


def _raw_map(scored: ScoredSet, _: GroundTruth, place: int) -> np.ndarray:
    return np.asarray(scored.raw_maps[place])


def _input_mask(scored: ScoredSet, truth: GroundTruth, place: int) -> np.ndarray:
    return shrink_mask(truth.mask(place), scored.raw_maps.shape[1:])


def _standard_map(scored: ScoredSet, _: GroundTruth, place: int) -> np.ndarray:
    return stretch(scored.anomaly_maps[place], (STANDARD_SIDE, STANDARD_SIDE))


def _standard_mask(_: ScoredSet, truth: GroundTruth, place: int) -> np.ndarray:
    return shrink_mask(truth.mask(place), (STANDARD_SIDE, STANDARD_SIDE))


PROTOCOLS = {
    "default": Protocol(
        "default",
        "Image scores and pixel metrics come from the same smoothed map; for pixels it is "
        "stretched to the image's native size and held against the mask as it was drawn.",
        _native_map,
        _native_mask,
    ),
    "published": Protocol(
        "published",
        "The choices of the method's authors: image scores from the smoothed map, pixel metrics "
        "from the map before smoothing, at the network's input size, against masks that are "
        "shrunk to it by nearest neighbour.",
        _raw_map,
        _input_mask,
    ),
    "standard": Protocol(
        "standard",
        "The choices of the papers that compare multi-class methods: image scores and pixel "
        "metrics come from the same smoothed map; for pixels it is brought to 256x256 bilinearly, "
        "and the mask by nearest neighbour.",
        _standard_map,
        _standard_mask,
    ),
}
