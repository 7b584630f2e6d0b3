"""Making a folder where several processes may want it, and any of them may be killed."""

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rlr.foundation.errors import MachineError

logger = logging.getLogger("rlr")

FILES = "files"
LOCK = "lock"
PARTIAL = ".partial"


@contextmanager
def workplace(target: Path) -> Iterator[Path]:
    """Yield a path beside the target to make its files in, which nobody else uses meanwhile.

    Others that want the same target wait, on this machine or on one that shares the disk. What a
    killed process has left is cleared. The caller looks whether the target is there by now, makes
    the folder, and renames it to the target when it is complete.

    Args:
        target: The folder to be made. Missing parent folders are made.

    Yields:
        Path of a folder that does not exist, on the disk of the target.

    Raises:
        MachineError: The place cannot be written or locked, or the disk is full.
    """
    place = target.absolute().parent / f".{target.name}{PARTIAL}"
    try:
        lock = _lock(place)
    except OSError as error:
        raise MachineError(
            f"{place.parent} cannot be written or locked ({error.strerror}); choose another folder."
        ) from error
    try:
        _clear(place)
        yield place / FILES
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        reason = "the disk is full" if full else f"{error.filename or target}: {error.strerror}"
        raise MachineError(
            f"{target} was not made ({reason}); free some space or choose another folder."
        ) from error
    finally:
        _leave(place, lock)


def clear_abandoned(folder: Path) -> None:
    """Remove the workplaces in a folder that killed processes have left; others stay."""
    for place in folder.glob(f".*{PARTIAL}"):
        with suppress(OSError):  # somebody works there, or it is not ours
            _leave(place, _lock(place, wait=False))


def _leave(place: Path, lock: TextIO) -> None:
    _clear(place)
    (place / LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        place.rmdir()  # not where the next user is there already
    lock.close()


def _clear(place: Path) -> None:
    shutil.rmtree(place / FILES, ignore_errors=True)


def _lock(place: Path, wait: bool = True) -> TextIO:
    """Lock a place; the kernel lets go of it when this process ends, however that is."""
    while True:
        place.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):  # its last user has removed the folder just now
            file = (place / LOCK).open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait:
                    raise
                logger.info("waiting for another process: it makes %s", place.name)
                fcntl.flock(file, fcntl.LOCK_EX)
            # Who waited may have got the lock of a file that its last user has removed.
            if os.path.samestat(os.fstat(file.fileno()), (place / LOCK).stat()):
                return file
            file.close()
