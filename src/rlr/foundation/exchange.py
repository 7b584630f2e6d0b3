"""Two folders change places: at one instant where the system can, else with a way back."""

import ctypes
import os
from pathlib import Path

RENAME_EXCHANGE = 2  # Linux: rename(2), flag of renameat2
AT_FDCWD = -100


def exchange(new: Path, old: Path, retired: Path) -> None:
    """Put a folder in the place of another one; the other one is at `new` or `retired` then.

    Nobody sees `old` missing where the system exchanges two names at once. Elsewhere there is an
    instant in which it is; `take_back` mends what a process that was killed in it has left.

    Args:
        new: The folder to put in place.
        old: The place, with the folder that gives way.
        retired: A free name on the same disk, for systems that cannot exchange.

    Raises:
        OSError: The folders cannot be renamed; they are where they were.
    """
    if not _exchange_at_once(new, old):
        old.rename(retired)
        new.rename(old)


def take_back(old: Path, retired: Path) -> None:
    """Put a folder back that a process killed within `exchange` has left without its name."""
    if retired.is_dir() and not os.path.lexists(old):
        retired.rename(old)


def _exchange_at_once(one: Path, other: Path) -> bool:
    """Exchange two names; False where the system or the disk cannot."""
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    names = os.fsencode(one), os.fsencode(other)
    status = rename(AT_FDCWD, names[0], AT_FDCWD, names[1], ctypes.c_uint(RENAME_EXCHANGE))
    return int(status) == 0
