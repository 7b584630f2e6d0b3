"""The official distribution of VisA (Zou et al. 2022), as its archive unpacks.

    ROOT/split_csv/1cls.csv                    object,split,label,image,mask
    ROOT/CLASS/Data/Images/{Normal,Anomaly}/*.JPG
    ROOT/CLASS/Data/Masks/Anomaly/*.png        values above zero are defects
    ROOT/CLASS/image_anno.csv                  image,label,mask: the defect types (optional)

Paths in the CSV files are relative to ROOT. The split is the one-class split of the authors.
"""

from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import cast

from rlr.data.layouts.entry import Entry
from rlr.data.layouts.tree import folders_in
from rlr.data.manifest import GOOD, Split
from rlr.data.tables import TableRow, read_rows
from rlr.foundation.errors import UserError

SPLIT_CSV = "split_csv/1cls.csv"
ANNOTATIONS_CSV = "image_anno.csv"
COLUMNS = ("object", "split", "label", "image", "mask")
NORMAL, ANOMALY = "normal", "anomaly"


class VisaLayout:
    """A tree as VisA's archive unpacks.

    Args:
        root: Folder that holds split_csv/.
        single: Not used: the CSV names the classes.

    Raises:
        UserError: The CSV is missing, or a class folder has no row in it.
    """

    expectation = f"VisA: {SPLIT_CSV} and CLASS/Data/Images"

    def __init__(self, root: Path, single: str) -> None:
        self._root = root
        self._rows: dict[str, list[TableRow]] = defaultdict(list)
        for row in read_rows(root / SPLIT_CSV, COLUMNS):
            self._rows[row["object"]].append(row)
        for folder in folders_in(root):
            if (folder / "Data").is_dir() and folder.name not in self._rows:
                raise UserError(
                    f"{root / SPLIT_CSV} has no row of the class {folder.name}; "
                    "add its rows or remove its folder."
                )

    @classmethod
    def recognises(cls, root: Path) -> bool:
        """Return whether the tree is of this layout."""
        return (root / SPLIT_CSV).is_file() or any(
            (folder / "Data" / "Images").is_dir() for folder in folders_in(root)
        )

    @property
    def class_names(self) -> list[str]:
        return sorted(self._rows)

    def entries(self, class_name: str) -> list[Entry]:
        defects = self._defect_types(class_name)
        return [self._entry(row, defects) for row in self._rows[class_name]]

    def place(self, class_name: str, split: Split, label: str) -> str:
        raise UserError(
            f"{self._root} is in VisA's layout, where {SPLIT_CSV} says what an image is, and no "
            "place does; edit its row there."
        )

    def mask_place(self, class_name: str, label: str) -> str:
        return self.place(class_name, "test", label)

    def _entry(self, row: TableRow, defects: dict[str, str]) -> Entry:
        split, label = row["split"], row["label"]
        if split not in ("train", "test"):
            raise UserError(f"{row.where}: split '{split}' is neither train nor test; correct it.")
        if label not in (NORMAL, ANOMALY):
            raise UserError(
                f"{row.where}: label '{label}' is neither {NORMAL} nor {ANOMALY}; correct it."
            )
        image = self._existing(row, "image")
        masks = (self._existing(row, "mask"),) if row["mask"] else ()
        judged = GOOD if label == NORMAL else defects.get(image, ANOMALY)
        return Entry(image, row["object"], cast(Split, split), judged, masks)

    def _existing(self, row: TableRow, column: str) -> str:
        path = PurePosixPath(row[column])
        if path.is_absolute() or ".." in path.parts:
            raise UserError(f"{row.where}: {path} is not a path inside of {self._root}; mend it.")
        if not row[column] or not (self._root / path).is_file():
            raise UserError(
                f"{row.where}: {column} {row[column] or '(empty)'} is missing; restore the file, "
                "or choose complete classes with data.classes."
            )
        return path.as_posix()

    def _defect_types(self, class_name: str) -> dict[str, str]:
        """Return the defect type of each annotated image; several are joined with "+"."""
        file = self._root / class_name / ANNOTATIONS_CSV
        if not file.is_file():
            return {}
        rows = read_rows(file, ("image", "label"))
        return {row["image"]: "+".join(_types(row["label"])) or ANOMALY for row in rows}


def _types(label: str) -> list[str]:
    return [part.strip() for part in label.split(",") if part.strip()]
