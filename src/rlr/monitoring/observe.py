"""What the model says of new images, ready for the tests."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from rlr.detection.detector import Detector
from rlr.foundation.progress import track
from rlr.monitoring.measures import measure_images
from rlr.monitoring.reference import Reference

UNKNOWN = -1  # the class of an image of a class that the model does not know


@dataclass(frozen=True)
class Image:
    """A new image.

    Attributes:
        path: What reports call it.
        file: Where it lies.
        class_name: Product class; None: not known, and the nearest known class is taken.
        captured_at: ISO 8601; None: not known.
        defective: Whether its label says that it shows a defect.
    """

    path: str
    file: Path
    class_name: str | None = None
    captured_at: str | None = None
    defective: bool = False


@dataclass(frozen=True)
class Observations:
    """New images in order, with all that is compared.

    Attributes:
        images: The N images.
        class_of: Place of the class in the reference (N,), int64; UNKNOWN: not known to the model.
        scores: Image scores (N,), float64.
        brightness: (N,), float64.
        sharpness: (N,), float64.
        coordinates: (N, D), float32.
        distances: From the mean features of its class, in spreads (N,), float64.
        defective: Whether the label says so (N,), bool.
    """

    images: Sequence[Image]
    class_of: np.ndarray
    scores: np.ndarray
    brightness: np.ndarray
    sharpness: np.ndarray
    coordinates: np.ndarray
    distances: np.ndarray
    defective: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def at(self, places: Sequence[int] | np.ndarray) -> "Observations":
        """Return the images at these places."""
        chosen = [int(place) for place in places]
        arrays = {
            field.name: getattr(self, field.name)[chosen]
            for field in fields(self)
            if field.name != "images"
        }
        return replace(self, images=[self.images[place] for place in chosen], **arrays)


def observe(
    detector: Detector, reference: Reference, images: Sequence[Image]
) -> tuple[Observations, list[str]]:
    """Run a detector over new images.

    Args:
        detector: The model.
        reference: Its reference statistics.
        images: The images, in the order in which they are to be looked at.

    Returns:
        The observations, and the paths of images that could not be read.
    """
    preprocessing = detector.spec.preprocessing
    batches = measure_images(
        [image.file for image in images],
        (preprocessing.height, preprocessing.width),
        preprocessing.white_level,
        detector.batch_size,
    )
    fine: list[Image] = []
    unreadable: list[str] = []
    scores, features, light = [np.zeros(0)], [], []
    starts = range(0, len(images), detector.batch_size)
    for start, batch in zip(track(starts, "looking at new images"), batches, strict=True):
        pixels = []
        for image, measured in zip(images[start:], batch, strict=False):
            if measured is None:
                unreadable.append(image.path)
                continue
            fine.append(image)
            light.append((measured.brightness, measured.sharpness))
            pixels.append(measured.pixels)
        if pixels:
            found = detector.observe(np.stack(pixels), reference.tokens)
            scores.append(found[0].astype(np.float64))
            features.append(found[1])
    width = reference.projection.means.shape[1]
    vectors = np.concatenate(features) if features else np.zeros((0, width))
    brightness, sharpness = np.array(light, dtype=np.float64).reshape(-1, 2).T
    class_of = _classes(reference, fine, vectors)
    observed = Observations(
        images=fine,
        class_of=class_of,
        scores=np.concatenate(scores),
        brightness=brightness,
        sharpness=sharpness,
        coordinates=reference.projection.apply(vectors, np.maximum(class_of, 0)),
        distances=reference.projection.distances(vectors, np.maximum(class_of, 0)),
        defective=np.array([image.defective for image in fine], dtype=bool),
    )
    return observed, unreadable


def _classes(reference: Reference, images: Sequence[Image], features: np.ndarray) -> np.ndarray:
    """Return the class of each image: as it is named, else the nearest one."""
    places = {name: place for place, name in enumerate(reference.classes)}
    nearest = reference.projection.nearest(features)
    named = [
        int(near) if image.class_name is None else places.get(image.class_name, UNKNOWN)
        for image, near in zip(images, nearest, strict=True)
    ]
    return np.array(named, dtype=np.int64)
