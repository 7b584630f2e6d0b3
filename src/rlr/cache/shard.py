"""A shard: a file of rows that is whole, or is not there.

Who reads a shard holds a shared lock on its file; who removes one must have it alone. Locks go with
their process, however that ends.
"""

import fcntl
import hashlib
import logging
import mmap
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rlr.data.workplace import workplace
from rlr.foundation.atomic import explained_writes
from rlr.foundation.documents import digest, read_json, write_json
from rlr.foundation.errors import RlrError

ROWS_FILE, INDEX_FILE = "rows.bin", "index.json"
REMOVED = ".removed."
VALUE = np.dtype("<f4")

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Shard:
    """A shard that is being read: verified, mapped, and safe from removal while this object lives.

    Attributes:
        folder: Where it lies.
        keys: Key of each row, the sha256 of an image file.
        rows: (rows, values), float32, mapped from the file and not writable.
    """

    folder: Path
    keys: list[str]
    rows: np.ndarray
    _map: mmap.mmap

    def advise(self, row: int) -> None:
        """Let the kernel read a row from the disk meanwhile: it will be wanted soon."""
        size = self.rows.shape[1] * VALUE.itemsize
        start = row * size // mmap.PAGESIZE * mmap.PAGESIZE
        self._map.madvise(mmap.MADV_WILLNEED, start, (row + 1) * size - start)


def shard_name(keys: Sequence[str]) -> str:
    """Return the name of a shard: who wants the same rows makes the same shard."""
    return digest(list(keys))[:32]


def find_shards(folder: Path) -> list[Path]:
    """Return the complete shards of all recipes in a cache."""
    return sorted(index.parent for index in folder.glob(f"*/[!.]*/{INDEX_FILE}"))


def read_index(folder: Path) -> tuple[list[str], str]:
    """Return a shard's keys and checksum; none where it is gone or its index is no index."""
    try:
        index = read_json(folder / INDEX_FILE)
        return [str(key) for key in index["keys"]], str(index["sha256"])
    except (RlrError, OSError, KeyError, TypeError):
        return [], ""


def open_shard(folder: Path, values: int) -> Shard | None:
    """Map a shard, and hold its bytes against the checksum that was written with them.

    Args:
        folder: The shard.
        values: Numbers a row.

    Returns:
        None: it is gone, or it was damaged and has been removed.
    """
    with suppress(FileNotFoundError), (folder / ROWS_FILE).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if not os.path.samestat(os.fstat(file.fileno()), (folder / ROWS_FILE).stat()):
            return None  # removed while this process waited
        shard = _map(folder, file, values)
        if shard:
            with suppress(OSError):  # a cache may be read-only
                os.utime(folder)  # what was not used for longest goes first
            return shard
    if folder.is_dir():
        _tell_damaged(folder)
    return None


def _tell_damaged(folder: Path) -> None:
    logger.warning("%s is damaged: what was in it is computed again.", folder)
    _retire(folder)  # who reads it has it mapped, whatever its name


def _map(folder: Path, file: BinaryIO, values: int) -> Shard | None:
    (keys, sha256), size = read_index(folder), os.fstat(file.fileno()).st_size
    if not keys or size != len(keys) * values * VALUE.itemsize:
        return None
    # The map keeps a copy of the file's handle, and the lock goes with the last copy.
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    if hashlib.sha256(mapped).hexdigest() != sha256:
        return None
    rows = np.frombuffer(mapped, dtype=VALUE).reshape(len(keys), values)
    return Shard(folder, keys, rows, mapped)


def write_shard(
    folder: Path,
    keys: Sequence[str],
    values: int,
    blocks: Callable[[], Iterable[np.ndarray]],
    make_room: Callable[[int, Callable[[], None]], None],
) -> None:
    """Write a shard, unless somebody else has; who wants the same one meanwhile waits.

    Args:
        folder: Where it will lie.
        keys: Key of each row.
        values: Numbers a row.
        blocks: Computes the rows, (N, values) float32 a block.
        make_room: Called with the bytes of the file and with what takes them from the disk.

    Raises:
        UserError: There is no room.
        MachineError: The place cannot be written.
    """
    with workplace(folder) as files:
        if folder.is_dir():
            if read_index(folder)[0] == list(keys):
                return
            _tell_damaged(folder)
        size = len(keys) * values * VALUE.itemsize
        make_room(size, lambda: _allocate(files, size))
        found = hashlib.sha256()
        with (files / ROWS_FILE).open("r+b") as file:
            for block in blocks():
                part = np.ascontiguousarray(block, dtype=VALUE)
                found.update(part.data)
                file.write(part.data)
            assert file.tell() == size
            file.flush()
            os.fsync(file.fileno())
        write_json(files / INDEX_FILE, {"keys": list(keys), "sha256": found.hexdigest()})
        files.replace(folder)


def _allocate(files: Path, size: int) -> None:
    """Take the space before it is filled: the disk is full now or not at all."""
    files.mkdir(parents=True)
    with (files / ROWS_FILE).open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Yield whether nobody else reads a shard; while this lasts nobody begins to."""
    try:
        file = (folder / ROWS_FILE).open("r+b")
    except OSError as error:  # gone, or not ours to change
        yield isinstance(error, FileNotFoundError)
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True


def in_use(folder: Path) -> bool:
    """Return whether a process reads a shard."""
    with _alone(folder) as alone:
        return not alone


def drop_shard(folder: Path) -> bool:
    """Remove a shard that nobody reads.

    Returns:
        Whether it is gone.
    """
    with _alone(folder) as alone:
        if alone:
            _retire(folder)
        return alone


def _retire(folder: Path) -> None:
    """Take a shard's name away first: what is half removed is never found under it."""
    with explained_writes(folder), suppress(FileNotFoundError):
        retired = Path(tempfile.mkdtemp(dir=folder.parent, prefix=REMOVED))
        try:
            folder.replace(retired / folder.name)
        finally:
            shutil.rmtree(retired, ignore_errors=True)
