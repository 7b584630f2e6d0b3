"""A new data version made of the old one and what was fetched: there as a whole or not at all."""

import csv
import errno
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rlr.data.layouts.mvtec import MvtecLayout, is_class, is_unjudged
from rlr.data.layouts.tree import folders_in, images_in
from rlr.data.tables import read_rows
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.foundation.exchange import exchange, take_back

REFUSED = "refused"
RETIRED = "retired"  # as other changes of a data folder call it


def refuse_other_trees(root: Path) -> None:
    """Raise a UserError if images of the MVTec AD layout cannot be put into a folder."""
    if root.exists() and not root.is_dir():
        raise UserError(f"{root} is a file, not a folder; name another (data.root).")
    if root in (Path.cwd(), *Path.cwd().parents):
        raise UserError(
            f"{root} is replaced as a whole, so this cannot be done from inside of it; change to "
            "a folder outside and name it with data.root."
        )
    if not root.is_dir() or not (images_in(root) or folders_in(root)):
        return
    is_single = is_class(root) or is_unjudged(root)
    if is_single or not MvtecLayout.recognises(root):
        raise UserError(
            f"{root} holds data in another layout than CLASS/train/good; import into a folder of "
            "its own (data.root)."
        )


def holds_files(root: Path) -> bool:
    """Return whether a folder is there and not empty."""
    return root.is_dir() and any(root.iterdir())


def copy_tree(root: Path, copy: Path) -> None:
    """Make a copy of a folder, of hard links where the disk has them.

    A folder that is missing is an empty one.
    """
    copy.mkdir()
    for parent, folders, names in os.walk(root):  # unlike shutil.copytree, fails with the cause
        place = copy / os.path.relpath(parent, root)
        for name in folders:
            if os.path.islink(os.path.join(parent, name)):
                names.append(name)
            else:
                (place / name).mkdir()
        for name in names:
            _link(os.path.join(parent, name), str(place / name))


def add_files(tree: Path, files: Mapping[str, Path]) -> None:
    """Put files into a tree, by their relative paths; they stay where they are, too."""
    for path, file in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        _link(str(file), str(tree / path))


def add_rows(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, str | None]]) -> None:
    """Add rows to a CSV with a column `path`, and sort it by that; what stands there stays.

    Args:
        file: The CSV; it may be missing. Without rows nothing is written.
        columns: Columns that the rows may have.
        rows: None and "" are empty cells.
    """
    new = list(rows)
    if not new:
        return
    there = [row.values for row in read_rows(file, ("path",))] if file.exists() else []
    names = [*dict.fromkeys([*(there[0] if there else ()), *columns])]
    with atomic_file(file) as temporary, temporary.open("w", newline="") as output:
        writer = csv.DictWriter(output, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted([*there, *new], key=lambda row: row["path"] or ""))


@contextmanager
def in_place_of(root: Path, new: Path, place: Path) -> Iterator[None]:
    """Put a new tree in the place of a folder, for good if the block ends well.

    Args:
        root: The folder; it may be missing.
        new: The tree, on the same disk.
        place: A folder on that disk to lay the old one aside in.
    """
    retired = place / RETIRED
    had_one = root.exists()
    if had_one:
        exchange(new, root, retired)
    else:
        new.rename(root)
    try:
        yield
    except BaseException:
        if had_one:
            exchange(new if new.exists() else retired, root, place / REFUSED)
        else:
            root.rename(new)
        raise
    finally:
        for name in (RETIRED, REFUSED):
            shutil.rmtree(place / name, ignore_errors=True)


def restore(root: Path, place: Path) -> None:
    """Put right what has been left by a process that was killed while it changed the trees."""
    take_back(root, place / RETIRED)
    shutil.rmtree(place / RETIRED, ignore_errors=True)


def _link(source: str, target: str) -> str:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EEXIST):
            raise
        shutil.copy2(source, target, follow_symlinks=False)
    return target
