"""Making a change: as a whole or, to whoever looks, not at all.

The new tree is made of hard links beside the old one, looked at, and put in its place in one
rename. A process that is killed on the way leaves the old version or the new one, complete; its
leavings are cleared by the next change.
"""

import errno
import hashlib
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.changes.change import Change, Edited
from rlr.data.changes.proof import require_intended
from rlr.data.changes.tables import rewrite_tables
from rlr.data.versions.parentage import PARENTAGE_FILE, parentage
from rlr.data.versions.snapshot import Snapshot, take_snapshot, version_of
from rlr.data.workplace import workplace
from rlr.foundation.documents import dump_json
from rlr.foundation.errors import UserError
from rlr.foundation.exchange import exchange, take_back
from rlr.foundation.progress import track

UNLINKABLE = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOSYS)
RETIRED = "retired"  # as an import calls it, so that each mends what the other has left

Plan = Callable[[Path, str], Change]


@dataclass(frozen=True)
class _Target:
    """The tree to be made: what moves where, and the files that are written anew."""

    change: Change
    texts: Mapping[str, bytes]
    version: str


def edit(config: DataConfig, plan: Plan, dry_run: bool = False) -> Edited:
    """Change a folder of images, and note in it which version it comes from.

    Args:
        config: The folder and its layout.
        plan: Says what to change, given the folder and its data version.
        dry_run: Whether to leave all as it is and only say what would be.

    Returns:
        The version before, the version after, and what was changed.

    Raises:
        UserError: The plan is refused, or the folder is missing.
        MachineError: The folder or the one around it cannot be written, or the disk is full.
    """
    root = Path(config.root).resolve()
    if not dry_run:
        _refuse_inside(root)
    retired = root.parent / f".{root.name}.partial" / RETIRED
    with nullcontext(Path()) if dry_run or not root.parent.is_dir() else workplace(root) as files:
        if not dry_run:
            take_back(root, retired)
            shutil.rmtree(retired, ignore_errors=True)
        snapshot = take_snapshot(root)
        change = plan(root, snapshot.version)
        if change.is_empty:
            return Edited(snapshot.version, snapshot.version, change, ())
        target = _aim(config, root, snapshot, change)
        if not dry_run:
            _build(root, files, target)
            require_intended(config, root, files, change)
            exchange(files, root, retired)
            shutil.rmtree(retired, ignore_errors=True)
    tables = tuple(sorted(set(target.texts) - {PARENTAGE_FILE}))
    return Edited(snapshot.version, target.version, change, tables)


def _refuse_inside(root: Path) -> None:
    here = Path.cwd()
    if here == root or root in here.parents:
        raise UserError(
            f"{root} is replaced as a whole, so this cannot be done from inside of it; "
            "change to a folder outside and name it with --root."
        )


def _aim(config: DataConfig, root: Path, snapshot: Snapshot, change: Change) -> _Target:
    texts = rewrite_tables(root, snapshot.objects, change, config.labels_csv)
    note = parentage(snapshot.version, change.action, change.facts)
    texts[PARENTAGE_FILE] = dump_json(note).encode()
    objects = {
        change.moves.get(path, path): md5
        for path, md5 in snapshot.objects.items()
        if path not in change.removals
    }
    for path, text in texts.items():
        objects[path] = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return _Target(change, texts, version_of(objects))


def _build(root: Path, files: Path, target: _Target) -> None:
    """Make the new tree: links to the files that stay as they are, and the new texts."""
    change = target.change
    files.mkdir()
    for folder, folders, names in track(list(os.walk(root)), "Making the new version"):
        here = os.path.relpath(folder, root)
        for name in folders:
            if (root / here / name).is_symlink():  # no version can pin it; it is left as it is
                (files / here).mkdir(parents=True, exist_ok=True)
                (files / here / name).symlink_to((root / here / name).readlink())
        if not names and not any(os.scandir(folder)):
            (files / here).mkdir(parents=True, exist_ok=True)
        for name in names:
            path = Path(here, name).as_posix()
            if path in change.removals or path in target.texts:
                continue
            place = files / change.moves.get(path, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(root / path, place)
    for path, text in target.texts.items():
        (files / path).parent.mkdir(parents=True, exist_ok=True)
        (files / path).write_bytes(text)
    shutil.copymode(root, files)


def _link(source: Path, place: Path) -> None:
    real = source.resolve()  # a link that is relative would point elsewhere from its new place
    try:
        os.link(real, place)
    except OSError as error:
        if error.errno not in UNLINKABLE:
            raise
        shutil.copy2(real, place)
