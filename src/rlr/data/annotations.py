"""What is known of an image beyond its place in the tree: part, time, source, licence."""

import logging
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.judgement import COLUMNS, Judgement, judgement_of
from rlr.data.layouts import Entry
from rlr.data.tables import TableRow, read_rows
from rlr.foundation.errors import UserError

logger = logging.getLogger("rlr")

NOTES = ("captured_at", "source", "licence")
# What these are called where they travel in the data folder, and the configuration names none.
CAPTURE_CSV = "capture.csv"
GROUP_CSV = "group.csv"


def read_groups(config: DataConfig, root: Path, entries: Sequence[Entry]) -> dict[str, str]:
    """Return the group (physical part or burst) of each image that has one, by path.

    A group found by `group_pattern` is prefixed with the class, for part numbers start anew in
    each class; one named in `group_csv` stands as it is, and goes before the pattern.

    Raises:
        UserError: The pattern is no regular expression with a group, or fits no image; the CSV
            is wrong or names a file that is missing.
    """
    groups = _groups_by_pattern(config.group_pattern, entries) if config.group_pattern else {}
    group_csv = config.group_csv or _travelling(GROUP_CSV, root)
    if group_csv:
        for row in _rows_of_images(group_csv, ("path", "group"), root, entries):
            if not row["group"]:
                raise UserError(f"{row.where}: the group of {row['path']} is empty; fill it in.")
            groups[row["path"]] = row["group"]
    return groups


def read_notes(
    config: DataConfig, root: Path, entries: Sequence[Entry]
) -> dict[str, dict[str, str | None]]:
    """Return captured_at, source and licence of each image, by path.

    Raises:
        UserError: The CSV is wrong, or a time in it is not ISO 8601.
    """
    common = {"captured_at": None, "source": config.source, "licence": config.licence}
    notes: dict[str, dict[str, str | None]] = {entry.path: dict(common) for entry in entries}
    capture_csv = config.capture_csv or _travelling(CAPTURE_CSV, root)
    if capture_csv:
        for row in _rows_of_images(capture_csv, ("path",), root, entries):
            given = {name: row[name] for name in NOTES if row.values.get(name)}
            if "captured_at" in given:
                _require_time(row)
            notes[row["path"]].update(given)
    return notes


def read_labels(config: DataConfig, root: Path, entries: Sequence[Entry]) -> list[Entry]:
    """Return the entries, those that `labels_csv` judges with split and label from there.

    It speaks of images in `unlabelled`. Where the tree itself says what an image is, the CSV may
    only say the same.

    Raises:
        UserError: The CSV is wrong, or contradicts the tree.
    """
    if not config.labels_csv:
        return list(entries)
    rows = _rows_of_images(config.labels_csv, COLUMNS, root, entries)
    said = {row["path"]: judgement_of(row) for row in rows if row["label"]}
    return [_judge(each, said[each.path]) if each.path in said else each for each in entries]


def _judge(entry: Entry, judgement: Judgement) -> Entry:
    split = judgement.target()
    if entry.label is None:
        return replace(entry, split=split, label=judgement.label)
    same_split = judgement.split is None or entry.split == split
    if entry.label != judgement.label or not same_split:
        raise UserError(
            f"{judgement.where}: {entry.path} is {judgement.label} ({split}) here, and its place "
            f"says {entry.label} ({entry.split}); correct or remove the row."
        )
    return entry


def _groups_by_pattern(pattern: str, entries: Sequence[Entry]) -> dict[str, str]:
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise UserError(
            f"data.group_pattern '{pattern}' is no regular expression ({error}); correct it."
        ) from error
    if not expression.groups:
        raise UserError(
            f"data.group_pattern '{pattern}' has no group; put the part's name in parentheses."
        )
    groups = {}
    for entry in entries:
        match = expression.search(entry.path)
        if match and match[1]:
            groups[entry.path] = f"{entry.class_name}/{match[1]}"
    if not groups:
        raise UserError(
            f"data.group_pattern '{pattern}' fits no image, such as {entries[0].path}; correct it."
        )
    if len(groups) < len(entries):
        alone = len(entries) - len(groups)
        logger.warning("data.group_pattern does not fit %d images; each stands alone", alone)
    return groups


def _rows_of_images(
    name: str, required: Collection[str], root: Path, entries: Sequence[Entry]
) -> list[TableRow]:
    """Return the CSV's rows about images that are indexed; those of other classes are passed by."""
    known = {entry.path for entry in entries}
    seen: set[str] = set()
    rows = []
    for row in read_rows(_locate(name, root), tuple(required)):
        path = row["path"]
        if path in seen:
            raise UserError(f"{row.where}: {path} was named before; keep one of the rows.")
        seen.add(path)
        if path in known:
            rows.append(row)
        elif not path or not (root / path).is_file():
            raise UserError(
                f"{row.where}: {path or '(empty path)'} is no file in {root}; "
                "correct or remove the row."
            )
    return rows


def _travelling(name: str, root: Path) -> str | None:
    return name if (root / name).is_file() else None


def _locate(name: str, root: Path) -> Path:
    """A CSV in the data folder travels with the data version; one elsewhere is taken as named."""
    inside = root / name
    return inside if inside.is_file() else Path(name)


def _require_time(row: TableRow) -> None:
    try:
        datetime.fromisoformat(row["captured_at"])
    except ValueError as error:
        raise UserError(
            f"{row.where}: captured_at '{row['captured_at']}' is not ISO 8601; "
            "write it as 2026-01-31T08:00:00Z."
        ) from error
