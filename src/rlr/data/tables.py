"""CSV files that come with images: read with the line number, so that a fault can be named."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class TableRow:
    """One row of a CSV file: its values by column, stripped, and where it stands."""

    values: dict[str, str]
    file: Path | str
    line: int

    def __getitem__(self, column: str) -> str:
        return self.values[column]

    @property
    def where(self) -> str:
        """File and line, for an error's sentence."""
        return f"{self.file}, line {self.line}"


def read_rows(file: Path, required: Sequence[str], shown_as: str | None = None) -> list[TableRow]:
    """Read a CSV file with a header.

    Args:
        file: The file, UTF-8, with or without a byte order mark.
        required: Columns that must be there.
        shown_as: What messages call the file; None: its path.

    Returns:
        The rows in the file's order; a missing cell is "".

    Raises:
        UserError: The file is missing, is no text, or lacks a column.
    """
    name = shown_as or file
    try:
        with file.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            header = [name.strip() for name in reader.fieldnames or []]
            reader.fieldnames = header
            _require(name, header, required)
            return [TableRow(_clean(row, header), name, reader.line_num) for row in reader]
    except FileNotFoundError as error:
        raise UserError(f"{name} is missing; restore it or name another file.") from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{name} cannot be read as CSV ({error}); save it as UTF-8.") from error


def _require(file: Path | str, header: Sequence[str], required: Sequence[str]) -> None:
    missing = [name for name in required if name not in header]
    if missing:
        raise UserError(
            f"{file}, line 1: no column {', '.join(missing)}; the header must name "
            f"{', '.join(required)}."
        )


def _clean(row: dict[str, str | None], header: Sequence[str]) -> dict[str, str]:
    return {name: (row.get(name) or "").strip() for name in header}
