"""Statistics of the normal images of a training, as they travel with the model.

Letters in the shape comments of this room: N images, F features, D dimensions, K classes.

The projection is fitted on one half of the images, and new images are compared with the other
half: a projection fits the images that it was made of a little better than any others, and a
test would find that difference rather than a drift.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load, save

from rlr.detection.artifact import REFERENCE_FILE, read_attachment
from rlr.foundation.errors import UserError

KNOWN_BYTES = 8  # of a file's sha256: enough to know it again among billions
LEAST_SPREAD = 0.1  # of a feature, as a share of the usual one: few are all but constant


@dataclass(frozen=True)
class Projection:
    """From features to a few dimensions in which each class lies around the origin.

    Attributes:
        means: Mean features of each class (K, F), float64.
        scale: Spread of each feature within the classes (F,), float64.
        axes: (F, D), float64: principal axes of the spread, each scaled to unit variance.
    """

    means: np.ndarray
    scale: np.ndarray
    axes: np.ndarray

    def nearest(self, features: np.ndarray) -> np.ndarray:
        """Return the class (N,), int64, whose mean is nearest to the features (N, F)."""
        away = [(((features - mean) / self.scale) ** 2).sum(axis=1) for mean in self.means]
        nearest: np.ndarray = np.argmin(away, axis=0)
        return nearest

    def distances(self, features: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Return how far features (N, F) lie from the means of their classes, in spreads: (N,)."""
        away = (features - self.means[classes]) / self.scale
        distances: np.ndarray = np.sqrt((away**2).mean(axis=1))
        return distances

    def apply(self, features: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Project features (N, F) of images of classes (N,) to coordinates (N, D), float32."""
        centred = (features - self.means[classes]) / self.scale
        coordinates: np.ndarray = (centred @ self.axes).astype(np.float32)
        return coordinates


@dataclass(frozen=True)
class Reference:
    """What new images are compared with.

    Attributes:
        classes: Names of the K product classes.
        class_of: Class of each image (N,), int64.
        brightness: (N,), float64.
        sharpness: (N,), float64.
        held_out: (N,), bool: not used for the projection, so that it may be compared with.
        coordinates: (N, D), float32.
        distances: From the mean features of its class, in spreads (N,), float64.
        projection: How the coordinates came about.
        tokens: Share of the tokens that the features are the mean of.
        known: First bytes of the sha256 of each image of the data version (M, 8), uint8.
    """

    classes: list[str]
    class_of: np.ndarray
    brightness: np.ndarray
    sharpness: np.ndarray
    held_out: np.ndarray
    coordinates: np.ndarray
    distances: np.ndarray
    projection: Projection
    tokens: float
    known: np.ndarray

    def to_bytes(self) -> bytes:
        """Return the content of a reference file; the same values have the same bytes."""
        arrays = {
            "class_of": self.class_of,
            "brightness": self.brightness,
            "sharpness": self.sharpness,
            "held_out": self.held_out,
            "coordinates": self.coordinates,
            "distances": self.distances,
            "projection.means": self.projection.means,
            "projection.scale": self.projection.scale,
            "projection.axes": self.projection.axes,
            "known": self.known,
        }
        # One key: several would be written in an order of their own.
        facts = json.dumps({"classes": self.classes, "tokens": self.tokens}, sort_keys=True)
        ready = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        content: bytes = save(ready, metadata={"facts": facts})
        return content

    def knows(self, hashes: Sequence[str]) -> np.ndarray:
        """Return for each sha256 (hexadecimal) whether the model's data version held that file."""
        held = {bytes(row) for row in self.known}
        return np.array([shorten(digest) in held for digest in hashes], dtype=bool)


def shorten(sha256: str) -> bytes:
    """Return the first bytes of a digest of 64 hexadecimal digits, by which a file is known."""
    return bytes.fromhex(sha256[: 2 * KNOWN_BYTES])


def fit_projection(
    features: np.ndarray, classes: np.ndarray, count: int, dimensions: int
) -> Projection:
    """Fit class means and the principal axes of the spread within the classes.

    Args:
        features: (N, F), float64.
        classes: Class of each image (N,), int64; each of the K occurs.
        count: Number of classes, K.
        dimensions: D, at most; fewer where the images or the features are too few.
    """
    means = np.stack([features[classes == place].mean(axis=0) for place in range(count)])
    centred = features - means[classes]
    spread = centred.std(axis=0)
    usual = float(np.sqrt((spread**2).mean())) or 1.0
    scale = np.maximum(spread, LEAST_SPREAD * usual)
    _, lengths, axes = np.linalg.svd(centred / scale, full_matrices=False)
    rank = int((lengths > lengths.max(initial=0.0) * 1e-6).sum())
    kept = max(1, min(dimensions, rank, len(features) - count))
    # A singular vector's sign is anybody's: let its greatest entry be positive.
    chosen = axes[:kept]
    greatest = np.take_along_axis(chosen, np.abs(chosen).argmax(axis=1)[:, None], axis=1)
    deviation = np.maximum(lengths[:kept] / np.sqrt(len(features)), 1e-12)
    return Projection(means, scale, (chosen * np.sign(greatest) / deviation[:, None]).T.copy())


def read_reference(folder: Path) -> Reference | None:
    """Read the reference statistics of an artifact; None: it has none.

    Raises:
        UserError: The folder is no artifact, or its reference is missing or damaged.
    """
    content = read_attachment(folder, REFERENCE_FILE)
    if content is None:
        return None
    path = Path(folder) / REFERENCE_FILE
    try:
        arrays = load(content)
        with safe_open(path, "np") as file:
            facts = json.loads(file.metadata()["facts"])
        projection = Projection(
            **{field.name: arrays.pop(f"projection.{field.name}") for field in fields(Projection)}
        )
        return Reference(projection=projection, **facts, **arrays)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{path} holds no reference statistics ({error}); fetch the artifact again."
        ) from error
