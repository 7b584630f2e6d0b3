"""The canary: a few normal images in the artifact, and what the detector said of them.

Whether an artifact still scores as it did can be asked at any time, without data: after a
rollback, on another machine, with another build of torch.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from rlr.config.monitor import CanaryConfig
from rlr.detection.artifact import CANARY_FILE, read_attachment
from rlr.detection.detector import Detector
from rlr.foundation.documents import digest
from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class Canary:
    """Images, and what a detector said of them.

    Attributes:
        images: (N, H, W, 3) of the input size, uint8 RGB.
        scores: Image scores (N,), float32.
        maps: Smoothed anomaly maps (N, H, W), float32.
    """

    images: np.ndarray
    scores: np.ndarray
    maps: np.ndarray

    def to_bytes(self) -> bytes:
        """Return the content of a canary file; the same values have the same bytes."""
        content: bytes = save({"images": self.images, "scores": self.scores, "maps": self.maps})
        return content


@dataclass(frozen=True)
class CanaryCheck:
    """Whether a detector scores its canary as it did.

    Attributes:
        checked: Number of images; 0 where the artifact has no canary.
        greatest_difference: Of an anomaly map or image score from the stored one, as a share of
            the greatest stored value.
        holds: Whether that is within the tolerance; False where there is nothing to check.
        sentence: The finding in words.
    """

    checked: int
    greatest_difference: float
    holds: bool
    sentence: str


def choose_spread(classes: Sequence[str], hashes: Sequence[str], count: int) -> list[int]:
    """Choose images by their hashes, spread over the classes.

    Args:
        classes: Class of each image.
        hashes: sha256 of each image file.
        count: How many to choose at most.

    Returns:
        Places of the chosen images: one a class, then a second one a class, and so on.

    Example:
        >>> choose_spread(["a", "a", "b"], ["00", "01", "02"], 2)
        [0, 2]
    """
    turn: dict[str, int] = {}
    ranked = []
    for place in sorted(range(len(hashes)), key=lambda place: (hashes[place], place)):
        name = classes[place]
        turn[name] = turn.get(name, 0) + 1
        ranked.append((turn[name], digest(["canary", name]), hashes[place], place))
    return sorted(place for *_, place in sorted(ranked)[:count])


def make_canary(detector: Detector, images: np.ndarray) -> Canary:
    """Score images with a detector, and keep both.

    Args:
        detector: The detector, on the CPU: there it will be checked, too.
        images: (N, H, W, 3) of the input size, uint8 RGB.
    """
    said = detector.predict(list(images))
    return Canary(
        np.ascontiguousarray(images),
        np.array([prediction.image_score for prediction in said], dtype=np.float32),
        np.stack([prediction.anomaly_map for prediction in said]).astype(np.float32),
    )


def read_canary(folder: Path) -> Canary | None:
    """Read the canary of an artifact; None: it has none.

    Raises:
        UserError: The folder is no artifact, or its canary is missing or damaged.
    """
    content = read_attachment(folder, CANARY_FILE)
    if content is None:
        return None
    try:
        return Canary(**load(content))
    except (SafetensorError, TypeError) as error:
        raise UserError(
            f"{Path(folder) / CANARY_FILE} is no canary ({error}); fetch the artifact again."
        ) from error


def check_canary(
    folder: Path, device: str = "cpu", tolerance: float = CanaryConfig().tolerance
) -> CanaryCheck:
    """Tell whether an artifact scores its canary as it did when it was made.

    Args:
        folder: Folder of the detector.
        device: Where to score; elsewhere than on the CPU more tolerance may be needed.
        tolerance: Greatest difference that is taken for the same, as a share of the greatest
            stored value.

    Raises:
        UserError: The folder is no artifact, or one of its files is missing or was changed.

    Example:
        >>> check_canary(Path("runs/train/model")).holds  # doctest: +SKIP
        True
    """
    detector = Detector.load(folder, device)
    canary = read_canary(folder)
    if canary is None:
        return CanaryCheck(
            0,
            0.0,
            False,
            f"{folder} carries no canary images (its format is older, or it was trained with "
            "monitor.canary.images=0), so whether it scores as it did cannot be told.",
        )
    found = make_canary(detector, canary.images)
    difference = _greatest_difference(found, canary)
    holds = difference <= tolerance
    count = len(canary.images)
    verdict = "scores as it did" if holds else "does not score as it did"
    return CanaryCheck(
        count,
        difference,
        holds,
        f"The detector {verdict} on {count} canary images: greatest relative difference "
        f"{difference:.1e}, tolerance {tolerance:.1e}.",
    )


def _greatest_difference(found: Canary, stored: Canary) -> float:
    scale = max(float(np.abs(stored.maps).max()), float(np.finfo(np.float32).tiny))
    greatest = max(
        float(np.abs(found.maps - stored.maps).max()),
        float(np.abs(found.scores - stored.scores).max()),
    )
    # What is not a number is no agreement, whatever it is compared with.
    return greatest / scale if np.isfinite(greatest) else float(np.finfo(np.float64).max)
