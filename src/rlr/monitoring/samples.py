"""What is compared with what: measures of new images, and the same of the reference."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rlr.detection.thresholds import Thresholds
from rlr.monitoring.observe import UNKNOWN, Observations
from rlr.monitoring.reference import Reference
from rlr.monitoring.result import Measure

LEAST_SCATTER = 0.1  # of distances within a class, as a share of the usual one: images may be few


@dataclass(frozen=True)
class Sample:
    """Values of images and the class of each."""

    values: np.ndarray
    classes: np.ndarray

    def of(self, name: int) -> "Sample":
        """Return the images of one class."""
        own = self.classes == name
        return Sample(self.values[own], self.classes[own])

    def median_like(self, other: "Sample") -> float:
        """Return the median of the values, weighed so that the classes mix as another's do."""
        names, counts = np.unique(other.classes, return_counts=True)
        weights = np.zeros(len(self))
        for name, count in zip(names, counts, strict=True):
            own = self.classes == name
            weights[own] = count / max(int(own.sum()), 1)
        order = np.argsort(self.values)
        heights = np.cumsum(weights[order])
        return float(self.values[order][np.searchsorted(heights, heights[-1] / 2)])

    def __len__(self) -> int:
        return len(self.values)


@dataclass(frozen=True)
class Pair:
    """A measure of new images beside that of the reference."""

    measure: Measure
    new: Sample
    old: Sample

    def of(self, name: int) -> "Pair":
        """Return the part of one class."""
        return Pair(self.measure, self.new.of(name), self.old.of(name))


@dataclass(frozen=True)
class Baseline:
    """What a model's windows are compared with.

    Attributes:
        reference: Its reference statistics.
        thresholds: Its thresholds, which hold scores of normal images.
    """

    reference: Reference
    thresholds: Thresholds

    def limit(self, class_of: np.ndarray) -> np.ndarray:
        """Return the threshold of each image (N,), given its class."""
        names = self.reference.classes
        values = np.array([self.thresholds.per_class[name].value for name in names])
        limits: np.ndarray = values[np.maximum(class_of, 0)]
        return limits

    def strangeness(self, window: Observations) -> np.ndarray:
        """Return how far beyond the usual the features of images lie, in scatters of their class.

        The scatter of a class is how far beyond the usual its farthest reference image lies.

        Args:
            window: New images.

        Returns:
            (N,), float64: about 1 at most for normal images, infinity for classes that are not
            known.
        """
        reference = self.reference
        count = len(reference.classes)
        own = [reference.distances[reference.class_of == place] for place in range(count)]
        usual = np.array([np.median(distances) for distances in own])
        farthest = np.array([distances.max() for distances in own])
        scatter = np.maximum(farthest - usual, np.maximum(LEAST_SCATTER * usual, 1e-12))
        places = np.maximum(window.class_of, 0)
        beyond = (window.distances - usual[places]) / scatter[places]
        strange: np.ndarray = np.where(window.class_of == UNKNOWN, np.inf, beyond)
        return strange

    def scores(self) -> Sample:
        """Return the scores of normal images that the networks were not trained on."""
        names = self.reference.classes
        known = [np.array(self.thresholds.normal_scores.get(name, ())) for name in names]
        places = [np.full(len(values), place) for place, values in enumerate(known)]
        return Sample(np.concatenate(known), np.concatenate(places))

    def exceeding(self, name: int) -> tuple[int, int]:
        """Return the number of a class's normal scores, and of those above its threshold."""
        own = self.scores().of(name)
        return len(own), int((own.values > self.limit(own.classes)).sum())


def compared(
    window: Observations, baseline: Baseline, known: np.ndarray, aside: np.ndarray
) -> Iterator[Pair]:
    """Yield each measure of new images beside that of the reference.

    Args:
        window: New images.
        baseline: What they are compared with.
        known: Whether the model knows an image's class (N,), bool.
        aside: Whether it says nothing of what is normal (N,), bool: it is defective.
    """
    reference = baseline.reference
    scores = baseline.scores()
    below = scores.values <= baseline.limit(scores.classes)
    inside = known & ~aside
    classes = window.class_of[inside]
    yield Pair(
        "score",
        Sample(window.scores[inside], classes),
        Sample(scores.values[below], scores.classes[below]),
    )
    yield Pair(
        "brightness",
        Sample(window.brightness[inside], classes),
        Sample(reference.brightness, reference.class_of),
    )
    yield Pair(
        "sharpness",
        Sample(window.sharpness[inside], classes),
        Sample(reference.sharpness, reference.class_of),
    )
    held_out = reference.held_out
    yield Pair(
        "features",
        Sample(window.coordinates[inside], classes),
        Sample(reference.coordinates[held_out], reference.class_of[held_out]),
    )
