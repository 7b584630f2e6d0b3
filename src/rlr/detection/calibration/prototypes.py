"""A handful of descriptors of normal images; a new image is held against the nearest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

LEAST_SPREAD = 0.1  # of a feature within the classes, as a share of the usual one
LEAST_IMAGES = 8  # of a prototype, if the class has more than one


@dataclass(frozen=True)
class Prototypes:
    """Centres of normal images, in features scaled by their spread within the classes.

    Attributes:
        centres: (K, F), float32, scaled.
        scale: (F,), float32.
    """

    centres: Tensor
    scale: Tensor

    def to(self, device: torch.device) -> "Prototypes":
        """Return the same on another device."""
        return Prototypes(self.centres.to(device), self.scale.to(device))

    def weigh(self, descriptors: Tensor, temperature: float) -> Tensor:
        """Say how much of each prototype an image is.

        Args:
            descriptors: (N, F).
            temperature: 0: all of the nearest. Else weights fall with the squared distance, as
                exp(-d^2 / (2 t^2)); an image is about 1 away from the centre of its class.

        Returns:
            (N, K), float32; each row sums to one.
        """
        away = descriptors[:, None, :] / self.scale - self.centres  # (N, K, F)
        squared = away.square().mean(dim=-1)
        if temperature == 0.0:
            nearest = squared.argmin(dim=1)
            return torch.nn.functional.one_hot(nearest, len(self.centres)).to(descriptors.dtype)
        return (squared / (-2.0 * temperature**2)).softmax(dim=1)


def describe(tokens: Sequence[Tensor]) -> Tensor:
    """Return the mean token of each level: tokens (N, L, C) a level, descriptors (N, F)."""
    return torch.cat([level.mean(dim=1) for level in tokens], dim=1)


def find_prototypes(
    descriptors: np.ndarray, classes: Sequence[str], per_class: int, seed: int
) -> Prototypes:
    """Choose prototypes class by class: its mean, or the centres of k-means.

    Args:
        descriptors: Of the training images (N, F), float32.
        classes: Class of each.
        per_class: Prototypes of a class; fewer where it has not 8 images for each.
        seed: Of k-means.

    Returns:
        The prototypes; the same descriptors give the same.
    """
    exact = descriptors.astype(np.float64)
    names = np.array(classes)
    parts = [exact[names == name] for name in np.unique(names)]
    centred = np.concatenate([part - part.mean(axis=0) for part in parts])
    spread = np.sqrt((centred**2).mean(axis=0))
    usual = float(np.sqrt((spread**2).mean())) or 1.0
    scale = np.maximum(spread, LEAST_SPREAD * usual)
    centres = [_centres(part / scale, per_class, seed) for part in parts]
    return Prototypes(
        torch.from_numpy(np.concatenate(centres).astype(np.float32)),
        torch.from_numpy(scale.astype(np.float32)),
    )


def _centres(part: np.ndarray, wanted: int, seed: int) -> np.ndarray:
    """Return centres (k, F) of one class's scaled descriptors (n, F)."""
    count = max(1, min(wanted, len(part) // LEAST_IMAGES))
    if count == 1:
        mean: np.ndarray = part.mean(axis=0, keepdims=True)
        return mean
    from sklearn.cluster import KMeans

    found: np.ndarray = KMeans(count, n_init=4, random_state=seed).fit(part).cluster_centers_
    return found
