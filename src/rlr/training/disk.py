"""Features that are computed once for all epochs, runs and processes, and read from the disk.

An image's tokens are one row of `rlr.cache`: its levels after one another, each (L, C) row-major.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rlr.cache import Bound, Place, Rows, feature_cache_folder, prepare_rows
from rlr.config import Config
from rlr.config.features import DiskConfig
from rlr.features import FeatureExtractor
from rlr.features.recipe import describe_recipe
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.training.store import GIBI, FeatureStore, ImageReader, ImageSet, join, open_store
from rlr.training.team import Team

MIBI = 2**20
AHEAD = 4  # batches that the kernel is told of: enough for a disk to be busy, little for a cache
FLOAT = 4  # bytes

logger = logging.getLogger("rlr")
Shape = tuple[int, int]  # L, C


class DiskStore:
    """A store that reads tokens from mapped files: what does not fit into memory stays outside.

    Args:
        rows: The rows of the images, at least.
        hashes: sha256 of each image.
        shapes: L and C of each level.
        device: Where the tokens are wanted.
    """

    def __init__(
        self, rows: Rows, hashes: Sequence[str], shapes: Sequence[Shape], device: torch.device
    ) -> None:
        self._rows, self._hashes, self._shapes, self._device = rows, hashes, shapes, device
        self._cuts = np.cumsum([0, *(length * channels for length, channels in shapes)])

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level, moved once: from the mapped pages to its place."""
        found = [torch.empty(len(places), *shape) for shape in self._shapes]
        filled = [level.flatten(1).numpy() for level in found]  # (N, L * C) each
        for image, place in enumerate(places):
            row = self._rows[self._hashes[place]]
            for level, start, end in zip(filled, self._cuts, self._cuts[1:], strict=False):
                level[image] = row[start:end]
        return [level.to(self._device) for level in found]

    def stream(self, batches: Sequence[Sequence[int]]) -> Iterator[list[Tensor]]:
        """Yield the tokens of each batch in turn; the kernel reads the next ones meanwhile."""
        for number, batch in enumerate(batches):
            for later in batches[number + AHEAD :][:1]:
                self._rows.advise(self._hashes[place] for place in later)
            yield self.tokens(batch)


def open_stores(
    sets: Mapping[str, ImageSet], extractor: FeatureExtractor, config: Config, team: Team
) -> list[FeatureStore]:
    """Return a store for each set of images, as `features.cache` asks for.

    Args:
        sets: The images, by what they are called.
        extractor: Backbone and pooling, on the device of the training.
        config: The configuration.
        team: The processes that train together.

    Raises:
        UserError: An image cannot be read, or the features do not fit into memory or disk.
    """
    if config.features.cache != "disk":
        return [
            open_store(images, extractor, config.features, f"features of {name}", team)
            for name, images in sets.items()
        ]
    size = config.features.preprocessing
    shapes = [
        (grid[0] * grid[1], channels)
        for grid, channels in extractor.shapes(size.height, size.width)
    ]
    together = join(list(sets.values()))
    rows = _prepare(together, extractor, config, shapes, team)
    device = extractor.mean.device
    return [DiskStore(rows, images.hashes, shapes, device) for images in sets.values()]


def _prepare(
    images: ImageSet,
    extractor: FeatureExtractor,
    config: Config,
    shapes: Sequence[Shape],
    team: Team,
) -> Rows:
    reader = ImageReader(images, extractor, config.features)
    place_of = {sha256: place for place, sha256 in enumerate(images.hashes)}

    def compute(hashes: Sequence[str]) -> Iterator[np.ndarray]:
        places = [place_of[sha256] for sha256 in hashes]
        for place in places:
            _require_unchanged(images.paths[place], images.hashes[place])
        size = config.features.batch_size
        batches = [places[start : start + size] for start in range(0, len(places), size)]
        for tokens in reader.stream(batches):
            yield torch.cat([level.flatten(1) for level in tokens], dim=1).cpu().numpy()

    recipe = describe_recipe(config.features, extractor.backbone, extractor.mean.device)
    values = sum(length * channels for length, channels in shapes)
    place = Place(
        Bound(
            feature_cache_folder(config),
            int(config.features.disk.max_gib * GIBI),
            "features.disk.max_gib",
            "raise it, free some space, or set features.cache=off",
        ),
        recipe,
        values,
        _shard_rows(config.features.disk, values, config.features.batch_size),
    )
    return prepare_rows(place, images.hashes, compute, "features on disk", team.rank / team.size)


def _shard_rows(config: DiskConfig, values: int, batch_size: int) -> int:
    """Return the rows of a shard: full passes of the backbone, at least one."""
    passes = config.shard_mib * MIBI // (values * FLOAT * batch_size)
    return max(1, passes) * batch_size


def _require_unchanged(path: Path, sha256: str) -> None:
    """Refuse another image under a hash: it would be found there by every later training."""
    try:
        found = file_sha256(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened ({error.strerror}); restore or remove it."
        ) from error
    if found != sha256:
        raise UserError(
            f"{path} is not what it was when the manifest was made; run `rlr data index` again."
        )
