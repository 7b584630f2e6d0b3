"""Features of a set of images: computed once and kept, or computed at every use."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
import psutil
import torch
from torch import Tensor

from rlr.config.features import FeaturesConfig
from rlr.data.manifest import Manifest
from rlr.features import FeatureExtractor
from rlr.features.loading import read_inputs
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track
from rlr.training.team import Team

logger = logging.getLogger(__name__)
GIBI = 2**30


@dataclass(frozen=True)
class ImageSet:
    """The images of a split: where they lie, their hashes, classes and groups."""

    paths: list[Path]
    hashes: list[str]
    classes: list[str]
    groups: list[str]

    @classmethod
    def of(cls, manifest: Manifest, rows: pd.DataFrame) -> "ImageSet":
        """Take rows of a manifest."""
        return cls(
            paths=[manifest.root / path for path in rows["path"]],
            hashes=list(rows["sha256"]),
            classes=list(rows["class"]),
            groups=list(rows["group"]),
        )

    def __len__(self) -> int:
        return len(self.paths)


class FeatureStore(Protocol):
    """Pooled tokens of images, by their place in an `ImageSet`."""

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level, on the training's device."""
        ...


@runtime_checkable
class ChangingStore(Protocol):
    """A store that shows other views of the images from epoch to epoch."""

    def at(self, epoch: int) -> FeatureStore:
        """Return the store of an epoch."""
        ...


def at_epoch(store: FeatureStore, epoch: int) -> FeatureStore:
    """Return what a store shows in an epoch; most stores do not change."""
    return store.at(epoch) if isinstance(store, ChangingStore) else store


class ImageReader:
    """A store that reads the images and runs the backbone at every use."""

    def __init__(self, images: ImageSet, extractor: FeatureExtractor, config: FeaturesConfig):
        self._images = images
        self._extractor = extractor
        self._config = config

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level."""
        parts = [self._extractor(batch) for batch in self.batches(places)]
        # The backbone runs in inference mode, and autograd does not take such tensors.
        return [torch.cat(level).clone() for level in zip(*parts, strict=True)]

    def batches(self, places: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the images at these places, (N, H, W, 3) uint8 a batch."""
        return read_inputs([self._images.paths[place] for place in places], self._config)


class MemoryStore:
    """A store that computes all features once, shared out over the team, and keeps them."""

    def __init__(self, levels: list[Tensor]):
        self._levels = levels

    @classmethod
    def fill(
        cls, reader: ImageReader, count: int, batch_size: int, label: str, team: Team
    ) -> "MemoryStore":
        """Compute the features of `count` images.

        The batches are the same whatever the number of processes, so that their features are.
        """
        levels: list[Tensor] = []
        starts = range(0, count, batch_size)
        for start in track(team.share(starts), label):
            places = range(start, min(start + batch_size, count))
            tokens = reader.tokens(places)
            if not levels:
                levels = _allocate(tokens, count)
            for kept, level in zip(levels, tokens, strict=True):
                kept[start : start + len(places)] = level
        if team.size > 1:
            levels = levels or _allocate(reader.tokens([0]), count)
            # Each process filled its own batches and left zeros elsewhere.
            levels = [team.total(level) for level in levels]
        return cls(levels)

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level."""
        return [level[list(places)] for level in self._levels]


def open_store(
    images: ImageSet,
    extractor: FeatureExtractor,
    config: FeaturesConfig,
    label: str,
    team: Team,
) -> FeatureStore:
    """Return the store that the configuration asks for.

    Raises:
        UserError: An image cannot be read, or the features do not fit into the memory.
    """
    reader = ImageReader(images, extractor, config)
    if config.cache == "off" or len(images) == 0:
        return reader
    return MemoryStore.fill(reader, len(images), config.batch_size, label, team)


def _allocate(sample: list[Tensor], count: int) -> list[Tensor]:
    size = sum(level[0].numel() * level.element_size() for level in sample) * count
    logger.info("features of %d images take %.2f GiB", count, size / GIBI)
    free = free_memory(sample[0].device)
    if size > free:
        raise UserError(
            f"Features of {count} images take {size / GIBI:.1f} GiB, more than the "
            f"{free / GIBI:.1f} GiB of free memory; set features.cache=off."
        )
    return [level.new_zeros((count, *level.shape[1:])) for level in sample]


def fits(sample: list[Tensor], count: int) -> bool:
    """Return whether `count` images like those of a sample, (N, L, C) a level, take half of it.

    Half of the free memory, that is: what is kept for speed alone should not be in the way.
    """
    size = sum(level[0].numel() * level.element_size() for level in sample) * count
    return size <= free_memory(sample[0].device) / 2


def free_memory(device: torch.device) -> int:
    """Return the free memory of a device, in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return int(psutil.virtual_memory().available)
