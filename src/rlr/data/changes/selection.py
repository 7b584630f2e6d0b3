"""Images as people name them on a command line."""

import os
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath

from rlr.foundation.errors import UserError


def select(names: Iterable[str], known: Collection[str], root: Path) -> list[str]:
    """Return the paths of images, relative to the root.

    Args:
        names: Each a path as the manifest has it, a path of a file, or a folder of either kind:
            then all images in it.
        known: Paths of all images of the set.
        root: Folder with the data.

    Raises:
        UserError: A name is no image of the set, and no folder with images of it.

    Example:
        >>> select(["bolt/unlabelled"], ["bolt/unlabelled/1.png"], Path("/data"))
        ['bolt/unlabelled/1.png']
    """
    chosen: dict[str, None] = {}
    for name in names:
        found = [path for place in _places(name, root) for path in _at(place, known)]
        if not found:
            raise UserError(
                f"{name} is no image of {root}, and no folder with images of it; name it as "
                "`rlr data review` or `rlr data index` does."
            )
        chosen.update(dict.fromkeys(found))
    return list(chosen)


def _places(name: str, root: Path) -> list[str]:
    """Return what a name may mean, relative to the root: read from there, and from here."""
    places = [PurePosixPath(name).as_posix()]
    inside = os.path.relpath(os.path.realpath(name), root)
    if not inside.startswith(".."):
        places.append(Path(inside).as_posix())
    return list(dict.fromkeys(places))


def _at(place: str, known: Collection[str]) -> list[str]:
    if place in known:
        return [place]
    return sorted(path for path in known if place == "." or path.startswith(f"{place}/"))
