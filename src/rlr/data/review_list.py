"""Lists of unjudged images that a training leaves: those it took, and those a person is to see."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError

ADMITTED_FILE = "admitted.csv"
HELD_BACK_FILE = "held_back.csv"
COLUMNS = ("path", "class", "score", "sha256", "reason")


def read_list(file: Path) -> list[dict[str, str]]:
    """Read a list.

    Returns:
        One row an image: columns as in `COLUMNS`; `score` is "" where no model has scored it.

    Raises:
        UserError: The file is missing or is no such list.
    """
    try:
        with file.open(encoding="utf-8", newline="") as text:
            reader = csv.DictReader(text)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(
            f"{file} cannot be read ({error}); name the output of a training that has held "
            "images back (data.assume_normal)."
        ) from error
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise UserError(f"{file} is no list of unjudged images: its columns are not {COLUMNS}.")
    return rows


def write_list(file: Path, rows: Iterable[Mapping[str, str]]) -> None:
    """Write a list, atomically, in the order of its rows."""
    with atomic_file(file) as temporary, temporary.open("w", encoding="utf-8", newline="") as text:
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
