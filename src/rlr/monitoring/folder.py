"""A plain folder of new images, and what its subfolders say of their classes."""

from collections.abc import Sequence
from pathlib import Path

from rlr.data.images import SUFFIXES
from rlr.foundation.errors import UserError
from rlr.monitoring.observe import Image
from rlr.monitoring.run import in_order


def list_folder(folder: Path, classes: Sequence[str], class_name: str | None = None) -> list[Image]:
    """List the images in a folder and below it, by path.

    Where a subfolder bears the name of a class that the model knows, all first-level subfolders
    are taken for classes; else the class of each image is not known.

    Args:
        folder: The folder.
        classes: Names of the classes that the model knows.
        class_name: Class of all images; None: as above.

    Raises:
        UserError: The folder is missing or holds no image, or the model does not know the class.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder; name one with the images to be compared.")
    if class_name is not None and class_name not in classes:
        raise UserError(
            f"The model does not know the class '{class_name}' (it knows {', '.join(classes)}); "
            "leave the class out."
        )
    files = [file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES]
    if not files:
        raise UserError(f"{folder} holds no image; name a folder with the images to be compared.")
    relative = [file.relative_to(folder) for file in files]
    sorted_by_class = any(path.parts[0] in classes for path in relative if len(path.parts) > 1)

    def class_of(path: Path) -> str | None:
        own = path.parts[0] if sorted_by_class and len(path.parts) > 1 else None
        return class_name or own

    return in_order(
        Image(path.as_posix(), file, class_of(path))
        for path, file in zip(relative, files, strict=True)
    )
