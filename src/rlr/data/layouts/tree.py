"""Walking a tree the way DVC does, so that manifest and data version speak of the same files."""

from pathlib import Path

from rlr.data.images import SUFFIXES
from rlr.foundation.errors import UserError


def images_in(folder: Path) -> list[Path]:
    """Return the image files directly in a folder, sorted; () where there is no such folder.

    Hidden files are left out: they are the droppings of file managers and notebooks.
    """
    return [path for path in _visible(folder) if is_image(path)]


def folders_in(folder: Path) -> list[Path]:
    """Return the visible folders directly in a folder, sorted.

    Raises:
        UserError: One of them is a symbolic link: DVC does not follow it, so its images would be
            in the manifest and not in the data version.
    """
    folders = [path for path in _visible(folder) if path.is_dir()]
    for path in folders:
        if path.is_symlink():
            raise UserError(
                f"{path} is a link to a folder, which no data version can pin; "
                "move the images themselves there, or link them one by one."
            )
    return folders


def is_image(path: Path) -> bool:
    """Return whether a path has the name of an image; a broken link counts, so that it is seen."""
    return path.suffix.lower() in SUFFIXES and not path.is_dir()


def relative(path: Path, root: Path) -> str:
    """Return a path relative to the root, with slashes."""
    return path.relative_to(root).as_posix()


def _visible(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
