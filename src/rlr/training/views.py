"""Features of augmented images: a few views kept, or a new one at every epoch."""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from rlr.config import Config
from rlr.features import FeatureExtractor
from rlr.training.augmentation import allowed_for, augment
from rlr.training.seeding import generator
from rlr.training.store import FeatureStore, ImageReader, ImageSet, MemoryStore
from rlr.training.team import Team

STEPS_ASIDE = (
    "features.cache=disk steps aside for what is learnt from: with training.augmentation every "
    "epoch has views of its own. Normalisation, calibration and thresholds read from it."
)

logger = logging.getLogger("rlr")


class ViewReader(ImageReader):
    """A store that reads the images, augments them, and runs the backbone at every use.

    Args:
        images: The images.
        extractor: Backbone and pooling.
        config: The configuration.
        address: What tells this view of an image from its others.
    """

    def __init__(
        self, images: ImageSet, extractor: FeatureExtractor, config: Config, *address: int | str
    ) -> None:
        super().__init__(images, extractor, config.features)
        self._own = images
        self._allowed = [allowed_for(n, config.training.augmentation) for n in images.classes]
        self._address = (config.seed, *address)

    def batches(self, places: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield views of the images at these places, (N, H, W, 3) uint8 a batch."""
        start = 0
        for batch in super().batches(places):
            own = places[start : start + len(batch)]
            start += len(batch)
            pairs = zip(batch, own, strict=True)
            yield np.stack([self._view(image, place) for image, place in pairs])

    def _view(self, image: np.ndarray, place: int) -> np.ndarray:
        return augment(image, self._allowed[place], *self._address, self._own.hashes[place])


class NewViews:
    """Every epoch sees each image in a view of its own."""

    def __init__(self, images: ImageSet, extractor: FeatureExtractor, config: Config) -> None:
        self._images, self._extractor, self._config = images, extractor, config

    def at(self, epoch: int) -> FeatureStore:
        """Return the store of an epoch."""
        return ViewReader(self._images, self._extractor, self._config, "epoch", epoch)

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level, of the first epoch's views."""
        return self.at(1).tokens(places)


class KeptViews:
    """Every epoch sees each image in one of a few views, drawn by (seed, epoch, image hash).

    Args:
        views: Features of all images, a view each.
        hashes: sha256 of each image file.
        seed: Seed of the training.
        epoch: Number of the epoch.
    """

    def __init__(
        self, views: Sequence[FeatureStore], hashes: Sequence[str], seed: int, epoch: int = 1
    ) -> None:
        self._views, self._hashes, self._seed, self._epoch = views, hashes, seed, epoch

    def at(self, epoch: int) -> FeatureStore:
        """Return the store of an epoch."""
        return KeptViews(self._views, self._hashes, self._seed, epoch)

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level."""
        images = [self._views[self._drawn(place)].tokens([place]) for place in places]
        return [torch.cat(level) for level in zip(*images, strict=True)]

    def _drawn(self, place: int) -> int:
        draws = generator(self._seed, "view", self._epoch, self._hashes[place])
        return int(torch.randint(len(self._views), (), generator=draws))


def open_views(
    images: ImageSet, plain: FeatureStore, extractor: FeatureExtractor, config: Config, team: Team
) -> FeatureStore:
    """Return the store to learn from: the plain one where nothing is augmented.

    Args:
        images: The training images.
        plain: Their features as they are.
        extractor: Backbone and pooling.
        config: The configuration.
        team: The processes that train together.
    """
    augmentation = config.training.augmentation
    if not augmentation.enabled or not len(images):
        return plain
    if config.features.cache != "memory":
        if config.features.cache == "disk" and team.leads:
            logger.warning(STEPS_ASIDE)
        return NewViews(images, extractor, config)
    size = config.features.batch_size
    views: list[FeatureStore] = [plain]
    for copy in range(1, augmentation.copies):
        reader = ViewReader(images, extractor, config, "copy", copy)
        label = f"features of views {copy} of {augmentation.copies - 1}"
        views.append(MemoryStore.fill(reader, len(images), size, label, team))
    return KeptViews(views, images.hashes, config.seed)
