"""CSV files that travel with a set and name its images: they follow a change."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from rlr.data.changes.change import Change

COLUMN = "path"
MARK = "\ufeff"


def rewrite_tables(
    root: Path, files: Iterable[str], change: Change, labels_csv: str | None
) -> dict[str, bytes]:
    """Return the new content of the CSV files that name files which a change moves or removes.

    Rows of moved files get the new path, rows of removed ones go. All else stays as it is.

    Args:
        root: Folder with the data.
        files: Paths of its files.
        change: What is to be changed.
        labels_csv: The CSV that says what unjudged images are: it has nothing more to say of an
            image that the change gives a place.
    """
    tables = {}
    for path in sorted(files):
        if path.lower().endswith(".csv"):
            content = (root / path).read_bytes()
            gone = set(change.removals) | (set(change.moves) if path == labels_csv else set())
            rewritten = _rewrite(content, change, gone)
            if rewritten is not None:
                tables[path] = rewritten
    return tables


def _rewrite(content: bytes, change: Change, gone: set[str]) -> bytes | None:
    """Return the new content of a CSV, or None where it has no row to change."""
    try:
        text = content.decode("utf-8")
        header, *rows = csv.reader(io.StringIO(text.removeprefix(MARK), newline=""), strict=True)
    except (UnicodeDecodeError, csv.Error, ValueError):
        return None  # not a table of ours
    names = [name.strip() for name in header]
    if COLUMN not in names:
        return None
    column = names.index(COLUMN)
    changed = [_move(row, column, change) for row in rows if _cell(row, column) not in gone]
    if changed == rows:
        return None
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(
        [header, *changed]
    )
    return ((MARK if text.startswith(MARK) else "") + written.getvalue()).encode()


def _cell(row: list[str], column: int) -> str:
    return row[column].strip() if column < len(row) else ""


def _move(row: list[str], column: int, change: Change) -> list[str]:
    path = _cell(row, column)
    if path not in change.moves:
        return row
    return [*row[:column], change.moves[path], *row[column + 1 :]]
