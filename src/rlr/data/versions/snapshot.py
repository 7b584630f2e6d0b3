"""The md5 of a folder, as `dvc add` computes it, without touching a repository."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.data.images import SUFFIXES
from rlr.foundation.errors import UserError

DVC_FOLDER = ".dvc"
VERSION = re.compile(r"[0-9a-f]{32}\.dir")


@dataclass(frozen=True)
class Snapshot:
    """A folder's content.

    Attributes:
        root: The folder.
        version: Data version, the md5 of the list of files: 32 hexadecimal digits and ".dir".
        objects: md5 of each file, by its path relative to the root, with slashes.
        size: Bytes of all files together.
        tree: DVC's own object, for the transfer to a remote.
    """

    root: Path
    version: str
    objects: dict[str, str]
    size: int
    tree: Any


def data_version(root: Path) -> str:
    """Return the data version of a folder: the `.dir` md5 that `dvc add` would give.

    As in DVC, every file counts, hidden ones and masks too, but for those that the `.dvcignore`
    of the DVC repository around it names.

    Args:
        root: Folder with the data.

    Returns:
        32 hexadecimal digits and ".dir".

    Raises:
        UserError: The folder is missing, holds a broken link or a `.dvcignore`, or images in it
            are ignored, so that the version would not speak of them.
    """
    return take_snapshot(root).version


def version_of(objects: Mapping[str, str]) -> str:
    """Return the data version of a folder that holds these files.

    Args:
        objects: md5 of each file, by its path relative to the root, with slashes.
    """
    from dvc_data.hashfile.tree import Tree

    listed = [{"relpath": path, "md5": md5} for path, md5 in objects.items()]
    tree = Tree.from_list(listed, hash_name="md5")
    tree.digest()
    return str(tree.oid)


def require_version(version: str, where: str) -> str:
    """Return a data version, or raise a UserError if it is none."""
    if not VERSION.fullmatch(version):
        raise UserError(
            f"{where}: '{version}' is no data version; write 32 hexadecimal digits and .dir."
        )
    return version


def take_snapshot(root: Path) -> Snapshot:
    """Hash every file of a folder. Raises as `data_version` does."""
    root = Path(root)
    if not root.is_dir():
        raise UserError(f"The data folder {root} is missing; name another (data.root).")
    from dvc.ignore import DvcIgnoreFilter
    from dvc_objects.fs import localfs

    folder = os.path.abspath(root)
    ignore = DvcIgnoreFilter(localfs, str(_enclosing_repository(Path(folder))))
    snapshot = _build(root, ignore)
    _refuse_ignored_images(snapshot, folder)
    return snapshot


def holds(folder: Path, version: str) -> bool:
    """Return whether a folder holds a data version, with or without files that DVC ignores here.

    What was published elsewhere may have files that the `.dvcignore` of this place names.
    """
    return _build(folder, None).version == version or data_version(folder) == version


def hash_files(folder: Path) -> dict[str, str]:
    """Return the md5 of every file of a folder, nothing ignored, by relative path."""
    return _build(folder, None).objects


def _build(root: Path, ignore: Any) -> Snapshot:
    from dvc_data.hashfile.build import IgnoreInCollectedDirError, build
    from dvc_data.hashfile.db import HashFileDB
    from dvc_objects.fs import MemoryFileSystem, localfs

    # Nothing is stored: `dry_run` only asks for the hashes, and a database in memory is enough.
    nowhere = HashFileDB(MemoryFileSystem(), "memory://rlr", hash_name="md5")
    folder = os.path.abspath(root)
    try:
        _, meta, tree = build(nowhere, folder, localfs, "md5", dry_run=True, ignore=ignore)
    except IgnoreInCollectedDirError as error:
        raise UserError(
            f"{root} holds a .dvcignore, which DVC refuses in data; move it beside {root}."
        ) from error
    except OSError as error:
        raise UserError(
            f"{error.filename or root} cannot be read ({error.strerror or error}); restore or "
            "remove it."
        ) from error
    objects = {"/".join(key): info.value for key, _, info in tree}
    return Snapshot(root, tree.hash_info.value, objects, meta.size, tree)


def _enclosing_repository(folder: Path) -> Path:
    """Return the root of the DVC repository around a folder, or the folder where there is none."""
    parents = (path for path in folder.parents if (path / DVC_FOLDER).is_dir())
    return next(parents, folder)


def _refuse_ignored_images(snapshot: Snapshot, folder: str) -> None:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(parent).relative_to(folder).as_posix()
        for name in names:
            path = name if inside == "." else f"{inside}/{name}"
            is_image = os.path.splitext(name)[1].lower() in SUFFIXES
            if is_image and not name.startswith(".") and path not in snapshot.objects:
                raise UserError(
                    f"{snapshot.root / path} is ignored by DVC, so no data version could pin it; "
                    "remove its rule from .dvcignore."
                )
