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


def join(parts: Sequence[ImageSet]) -> ImageSet:
    """Return the images of several sets, one set after another."""
    return ImageSet(
        paths=[path for part in parts for path in part.paths],
        hashes=[sha256 for part in parts for sha256 in part.hashes],
        classes=[name for part in parts for name in part.classes],
        groups=[group for part in parts for group in part.groups],
    )


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


@runtime_checkable
class StreamingStore(Protocol):
    """A store that does better when it knows what it will be asked for."""

    def stream(self, batches: Sequence[Sequence[int]]) -> Iterator[list[Tensor]]:
        """Yield the tokens of each batch in turn; of an empty one, nothing that could be used."""
        ...


def at_epoch(store: FeatureStore, epoch: int) -> FeatureStore:
    """Return what a store shows in an epoch; most stores do not change."""
    return store.at(epoch) if isinstance(store, ChangingStore) else store


def stream(store: FeatureStore, batches: Sequence[Sequence[int]]) -> Iterator[list[Tensor]]:
    """Yield the tokens of each batch in turn, read ahead where the store can."""
    if isinstance(store, StreamingStore):
        yield from store.stream(batches)
    else:
        for batch in batches:
            yield store.tokens(batch) if batch else []


class ImageReader:
    """A store that reads the images and runs the backbone at every use.

    A pass always takes `features.batch_size` images, the last one of them again and again where
    there are fewer: kernels sum in an order that depends on the number of images, but not on which
    images they are. So an image has the same features, bit for bit, whatever it is asked for with.
    """

    def __init__(self, images: ImageSet, extractor: FeatureExtractor, config: FeaturesConfig):
        self._images = images
        self._extractor = extractor
        self._config = config

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level."""
        return next(self.stream([places]))

    def stream(self, batches: Sequence[Sequence[int]]) -> Iterator[list[Tensor]]:
        """Yield the tokens of each batch in turn; passes are full, and images are read ahead."""
        passes = self._passes([place for batch in batches for place in batch])
        held: list[Tensor] = []  # of images that were asked for later
        for batch in batches:
            while batch and (not held or len(held[0]) < len(batch)):
                more = next(passes)
                held = [torch.cat(pair) for pair in zip(held, more, strict=True)] if held else more
            # The backbone runs in inference mode, and autograd does not take such tensors.
            yield [level[: len(batch)].clone() for level in held]
            held = [level[len(batch) :] for level in held]

    def batches(self, places: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the images at these places, (N, H, W, 3) uint8 a batch."""
        return read_inputs([self._images.paths[place] for place in places], self._config)

    def _passes(self, places: Sequence[int]) -> Iterator[list[Tensor]]:
        size = self._config.batch_size
        for images in self.batches(places):
            repeated = np.repeat(images[-1:], size - len(images), axis=0)
            tokens = self._extractor(np.concatenate([images, repeated]))
            yield [level[: len(images)] for level in tokens]


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
        batches = [
            range(count)[start : start + batch_size] for start in range(0, count, batch_size)
        ]
        own = team.share(batches)
        for places, tokens in zip(track(own, label), reader.stream(own), strict=True):
            if not levels:
                levels = _allocate(tokens, count)
            for kept, level in zip(levels, tokens, strict=True):
                kept[places.start : places.stop] = level
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
    """Return a store that computes at every use, or one that keeps everything in memory.

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
            f"{free / GIBI:.1f} GiB of free memory; set features.cache=disk."
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
