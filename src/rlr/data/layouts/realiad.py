"""The official distribution of Real-IAD (Wang et al. 2024), as its archives unpack.

    ROOT/realiad_jsons/realiad_jsons/CLASS.json   or ROOT/realiad_jsons/CLASS.json
    ROOT/realiad_1024/CLASS/{OK,NG}/.../*.jpg     or realiad_512, realiad_256; or ROOT/CLASS

A file of the first kind says what an image is:

    {"meta": {"normal_class": "OK", "prefix": "CLASS/"},
     "train": [{"category", "anomaly_class", "image_path", "mask_path"}, ...], "test": [...]}

The five views C1 to C5 of a part are images of their own, each with its own label: a view that
does not show the defect of its part is OK.
"""

from pathlib import Path, PurePosixPath
from typing import Any

from rlr.data.layouts.entry import Entry
from rlr.data.layouts.tree import relative
from rlr.data.manifest import GOOD, Split
from rlr.foundation.documents import read_json
from rlr.foundation.errors import UserError

JSONS = "realiad_jsons"
NORMAL = "OK"
SIZES = ("realiad_1024", "realiad_512", "realiad_256", "realiad_raw")


class RealIadLayout:
    """A tree as Real-IAD's archives unpack.

    Args:
        root: Folder that holds realiad_jsons/ and the images of one size.
        single: Not used: the JSON files name the classes.

    Raises:
        UserError: There is no JSON file, or images of several sizes lie there.
    """

    expectation = f"Real-IAD: {JSONS} and realiad_1024/CLASS"

    def __init__(self, root: Path, single: str) -> None:
        self._root = root
        self._images = _image_folder(root)
        self._files = {file.stem: file for file in _json_files(root)}

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the tree is of this layout."""
        return (root / JSONS).is_dir()

    @property
    def class_names(self) -> list[str]:
        return sorted(self._files)

    def entries(self, class_name: str) -> list[Entry]:
        file = self._files[class_name]
        document = _read(file)
        meta = document.get("meta") or {}
        folder = PurePosixPath(str(meta.get("prefix") or class_name))
        normal = str(meta.get("normal_class") or NORMAL)
        return [
            self._entry(row, class_name, split, folder, normal, f"{file}, {split}[{place}]")
            for split in ("train", "test")
            for place, row in enumerate(document[split])
        ]

    def place(self, class_name: str, split: Split, label: str) -> str:
        raise UserError(
            f"{self._root} is in Real-IAD's layout, where {JSONS}/{class_name}.json says what an "
            "image is, and no place does; edit its entry there."
        )

    def mask_place(self, class_name: str, label: str) -> str:
        return self.place(class_name, "test", label)

    def _entry(
        self,
        row: Any,
        class_name: str,
        split: Split,
        folder: PurePosixPath,
        normal: str,
        where: str,
    ) -> Entry:
        if not isinstance(row, dict) or not isinstance(row.get("anomaly_class"), str):
            raise UserError(
                f"{where}: an object with image_path, mask_path and anomaly_class is expected; "
                "restore the file."
            )
        image = self._existing(folder, row.get("image_path"), "image_path", where)
        label = GOOD if row["anomaly_class"] == normal else row["anomaly_class"]
        marked = row.get("mask_path") if label != GOOD else None
        masks = (self._existing(folder, marked, "mask_path", where),) if marked else ()
        return Entry(image, class_name, split, label, masks)

    def _existing(self, folder: PurePosixPath, name: object, field: str, where: str) -> str:
        path = folder / str(name or "")
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"{where}: {path} is not a path inside of {self._images}; mend it.")
        if not name or not (self._images / path).is_file():
            raise UserError(
                f"{where}: {field} {self._images / path} is missing; restore the file, or choose "
                "complete classes with data.classes."
            )
        return relative(self._images / path, self._root)


def _image_folder(root: Path) -> Path:
    """Return the folder of the class folders."""
    present = [root / name for name in SIZES if (root / name).is_dir()]
    if len(present) > 1:
        raise UserError(
            f"{root} holds {' and '.join(folder.name for folder in present)}; leave the images of "
            f"one size beside {JSONS}, and move the others elsewhere."
        )
    return present[0] if present else root


def _json_files(root: Path) -> list[Path]:
    """Return the files of the standard protocol; other protocols lie in folders beside them."""
    for folder in (root / JSONS / JSONS, root / JSONS):
        files = sorted(folder.glob("*.json"))
        if files:
            return files
    raise UserError(
        f"{root / JSONS / JSONS} holds no CLASS.json; unpack the archive of JSON files there."
    )


def _read(file: Path) -> dict[str, Any]:
    document = read_json(file)
    if not isinstance(document, dict) or not all(
        isinstance(document.get(split), list) for split in ("train", "test")
    ):
        raise UserError(f"{file} has no lists train and test; restore the file.")
    return document
