"""What somebody says of an image, and where that puts it."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rlr.data.manifest import GOOD, SPLITS, Split
from rlr.data.tables import TableRow, read_rows
from rlr.foundation.errors import UserError

LABEL = re.compile(r"[^./|\\\s][^/|\\\n]*")
JUDGED_SPLITS = ("train", "test")
COLUMNS = ("path", "label")


@dataclass(frozen=True)
class Judgement:
    """What somebody says of images.

    Attributes:
        name: Path of an image, or of a folder of them.
        label: "good" or a defect type.
        split: Where it goes; None: good ones train, defects test.
        where: What an error's sentence calls the judgement.
    """

    name: str
    label: str
    split: str | None
    where: str

    def target(self) -> Split:
        """Return the split.

        Raises:
            UserError: The label is no name, or the split is none for it.
        """
        if not LABEL.fullmatch(self.label) or self.label in SPLITS:
            raise UserError(
                f"{self.where}: '{self.label}' is no label; write good, or the name of a defect."
            )
        chosen = self.split or ("train" if self.label == GOOD else "test")
        if chosen not in JUDGED_SPLITS:
            raise UserError(f"{self.where}: split '{chosen}' is neither train nor test; mend it.")
        if chosen == "train" and self.label != GOOD:
            raise UserError(
                f"{self.where}: a defect ({self.label}) is never trained on; its split is test."
            )
        return cast(Split, chosen)


def read_judgements(file: Path) -> list[Judgement]:
    """Read judgements from a CSV with the columns path, label and where wanted split.

    Rows without a label are passed by: nobody has judged these images yet.

    Raises:
        UserError: The file is missing or is no such table.
    """
    rows = read_rows(file, COLUMNS)
    return [judgement_of(row) for row in rows if row["label"]]


def judgement_of(row: TableRow) -> Judgement:
    """Return what a row of such a CSV says."""
    return Judgement(row["path"], row["label"], row.values.get("split") or None, row.where)
