"""How large a cache may get: what goes to make room, and when the answer is no."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rlr.cache.shard import REMOVED, drop_shard, find_shards, in_use
from rlr.data.workplace import clear_abandoned
from rlr.foundation.atomic import explained_writes
from rlr.foundation.errors import UserError

GIBI = 2**30
LOCK = ".lock"


@dataclass(frozen=True)
class Bound:
    """The bound of a cache.

    Attributes:
        folder: The cache, with a folder a recipe.
        limit: Bytes of all that lies in it.
        setting: Name of the setting that bounds it, for the sentence that refuses.
        way_out: What else can be done, for the same sentence.
    """

    folder: Path
    limit: int
    setting: str
    way_out: str

    def require(self, size: int) -> None:
        """Refuse what could not be written even if all went that may go.

        Raises:
            UserError: There is no room for so many bytes.
        """
        with self._locked():
            loose = sum(_bytes(shard) for shard in find_shards(self.folder) if not in_use(shard))
            if size > self._room() + loose:
                raise self._refusal(size, self._room() + loose)

    def make_room(self, size: int, take: Callable[[], None]) -> None:
        """Remove what was not used for longest until a file fits, and take its space at once.

        Args:
            size: Bytes.
            take: Takes them, so that two processes do not count on the same space.

        Raises:
            UserError: What is left is in use.
        """
        with self._locked():
            for shard in self._oldest_first():
                if size <= self._room():
                    break
                drop_shard(shard)
            if size > self._room():
                raise self._refusal(size, self._room())
            take()

    def _oldest_first(self) -> Iterable[Path]:
        dated = []
        for shard in find_shards(self.folder):
            try:
                dated.append((shard.stat().st_mtime, shard))
            except FileNotFoundError:
                continue
        return [shard for _, shard in sorted(dated)]

    def _room(self) -> int:
        """Return the bytes that may be written as things stand."""
        return min(self.limit - _bytes(self.folder), shutil.disk_usage(self.folder).free)

    def _refusal(self, size: int, room: int) -> UserError:
        free = shutil.disk_usage(self.folder).free
        return UserError(
            f"Another {size / GIBI:.3g} GiB do not fit into {self.folder}, which can make room for "
            f"{max(room, 0) / GIBI:.3g} GiB ({self.setting}={self.limit / GIBI:.4g}, "
            f"{free / GIBI:.3g} GiB of the disk are free); {self.way_out}."
        )

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let nobody else look at the sizes meanwhile; clear what killed writers have left."""
        with explained_writes(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / LOCK).open("w")
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for recipe in self.folder.iterdir():
                if recipe.is_dir():
                    clear_abandoned(recipe)
                    for remains in recipe.glob(f"{REMOVED}*"):
                        shutil.rmtree(remains, ignore_errors=True)
            yield


def _bytes(folder: Path) -> int:
    """Return what lies in a folder, unfinished files included."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except FileNotFoundError:
                continue
    return total
