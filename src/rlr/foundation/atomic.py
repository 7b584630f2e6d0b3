"""Writes that are there whole or not at all: a temporary name beside the target, then a rename."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlr.foundation.errors import MachineError, UserError

FULL = (errno.ENOSPC, errno.EDQUOT)
REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


@contextmanager
def atomic_file(path: Path, mode: int | None = None) -> Iterator[Path]:
    """Yield a temporary path beside `path`, and rename it to `path` at a clean exit.

    Args:
        path: The file to create or to replace. Missing parent folders are made.
        mode: Permissions of the file; None: what the process gives every new file. Until it is
            whole, nobody but its owner may read it.

    Raises:
        MachineError: The disk is full or the place cannot be written; nothing is left behind.

    Example:
        >>> with atomic_file(Path("/tmp/rlr-doc.txt")) as temporary:
        ...     _ = temporary.write_text("whole")
        >>> Path("/tmp/rlr-doc.txt").read_text()
        'whole'
    """
    path = Path(path)
    with explained_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            _sync(temporary)
            temporary.chmod(0o666 & ~_umask() if mode is None else mode)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, and put it in the place of `path` at a clean exit.

    An older folder of that name is removed only after the new one is complete.

    Args:
        path: The folder to create or to replace.

    Raises:
        UserError: A file has that name; it stays.
        MachineError: The disk is full or the place cannot be written; nothing is left behind.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file, not a folder; choose another name.")
    with explained_writes(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield temporary
            temporary.chmod(0o777 & ~_umask())
            _swap(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, path: Path) -> None:
    if not path.exists():
        new.replace(path)
        return
    retired = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.old."))
    path.replace(retired / path.name)
    new.replace(path)
    shutil.rmtree(retired, ignore_errors=True)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


@contextmanager
def explained_writes(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write a path into one sentence.

    Raises:
        MachineError: The disk is full or the place cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise MachineError(
                f"The disk is full: {path} was not written; free some space and run again."
            ) from error
        if error.errno in REFUSALS:
            raise MachineError(
                f"{path} cannot be written ({error.strerror}); choose another folder."
            ) from error
        raise
