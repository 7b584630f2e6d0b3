"""The rows of a set of images: found in shards, or computed and written into new ones."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlr.cache.bound import GIBI, Bound
from rlr.cache.shard import (
    INDEX_FILE,
    VALUE,
    Shard,
    open_shard,
    read_index,
    shard_name,
    write_shard,
)
from rlr.foundation.documents import digest, write_json
from rlr.foundation.errors import MachineError
from rlr.foundation.progress import track

RECIPE_FILE = "recipe.json"
TRIES = 3

Compute = Callable[[Sequence[str]], Iterable[np.ndarray]]
logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Rows:
    """Rows that are being read; their shards stay while this object lives.

    Attributes:
        shards: Open shards.
        places: Number of the shard and of its row, by key.
    """

    shards: list[Shard]
    places: Mapping[str, tuple[int, int]]

    def __getitem__(self, key: str) -> np.ndarray:
        """Return a row (values,), float32, as it lies in the mapped file."""
        shard, row = self.places[key]
        found: np.ndarray = self.shards[shard].rows[row]
        return found

    def advise(self, keys: Iterable[str]) -> None:
        """Let the kernel read rows from the disk meanwhile: they will be wanted soon."""
        for key in keys:
            shard, row = self.places[key]
            self.shards[shard].advise(row)


@dataclass(frozen=True)
class Place:
    """Where rows of one kind lie.

    Attributes:
        bound: The cache, and how large it may get.
        recipe: All that determines a row, as JSON; rows of another recipe are never looked at.
        values: Numbers a row.
        shard_rows: Rows a shard, at most.
    """

    bound: Bound
    recipe: Mapping[str, Any]
    values: int
    shard_rows: int

    @property
    def folder(self) -> Path:
        """The folder of this recipe."""
        return self.bound.folder / digest(self.recipe)[:32]


def prepare_rows(
    place: Place, keys: Sequence[str], compute: Compute, label: str, first: float = 0.0
) -> Rows:
    """Return the rows of a set, after what is missing of them was computed and written.

    The set is cut into groups, and what is missing of a group is a shard. So all who want the same
    set want the same shards: each is made by whoever comes first, and the others wait for it.

    Args:
        place: Where they lie.
        keys: sha256 of the images.
        compute: Yields blocks (N, values), float32, of the keys it is given, in their order.
        label: The work, in a few words.
        first: Which group to begin with, as a share of all, so that a team's processes begin apart.

    Raises:
        UserError: There is no room, or a row cannot be computed.
        MachineError: The place cannot be written, or others remove the rows at once.
    """
    wanted = list(dict.fromkeys(keys))
    found = open_rows(place, wanted)
    _announce(place, wanted, found, label)
    for _ in range(TRIES):
        if len(found.places) == len(wanted):
            return found
        missing = len(wanted) - len(found.places)
        place.bound.require(missing * place.values * VALUE.itemsize)
        write_json(place.folder / RECIPE_FILE, place.recipe)
        for group in track(_groups(place, wanted, found, first), label):
            _write(place, group, compute)
        found = open_rows(place, wanted, found)
    raise MachineError(
        f"Others remove from {place.folder} what was just written; raise {place.bound.setting}, or "
        f"{place.bound.way_out}."
    )


def open_rows(place: Place, wanted: Sequence[str], known: Rows | None = None) -> Rows:
    """Open the shards that hold rows of a set, the bytes of each verified once.

    Args:
        place: Where they lie.
        wanted: Keys of the rows.
        known: Rows that are open already.
    """
    shards = list(known.shards) if known else []
    places = dict(known.places) if known else {}
    missing = set(wanted) - set(places)
    for index in sorted(place.folder.glob(f"[!.]*/{INDEX_FILE}")):
        if not missing.isdisjoint(read_index(index.parent)[0]):
            shard = open_shard(index.parent, place.values)
            if shard:
                new = missing.intersection(shard.keys)
                rows = enumerate(shard.keys)
                places |= {key: (len(shards), row) for row, key in rows if key in new}
                shards.append(shard)
                missing -= new
    return Rows(shards, places)


def _groups(place: Place, wanted: Sequence[str], found: Rows, first: float) -> list[list[str]]:
    """Return what is missing, cut where it would be cut if nothing were there."""
    size = place.shard_rows
    cut = [wanted[start : start + size] for start in range(0, len(wanted), size)]
    groups = [[key for key in part if key not in found.places] for part in cut]
    begin = int(first * len(groups))
    return [group for group in groups[begin:] + groups[:begin] if group]


def _write(place: Place, group: Sequence[str], compute: Compute) -> None:
    def blocks() -> Iterator[np.ndarray]:
        yield from compute(group)

    folder = place.folder / shard_name(group)
    write_shard(folder, group, place.values, blocks, place.bound.make_room)


def _announce(place: Place, wanted: Sequence[str], found: Rows, label: str) -> None:
    row = place.values * VALUE.itemsize / GIBI
    missing = len(wanted) - len(found.places)
    logger.info(
        "%s: %.3g GiB for %d images; %d are in %s, %d (%.3g GiB) are computed.",
        label,
        row * len(wanted),
        len(wanted),
        len(found.places),
        place.folder,
        missing,
        row * missing,
    )
