"""The manifest: one row an image, the one currency between all rooms."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import digest
from rlr.foundation.errors import UserError

Split = Literal["train", "validation", "test", "unlabelled"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test", "unlabelled")
GOOD = "good"
MASK_SEPARATOR = "|"
UNREADABLE = "unreadable"
FORMAT = b"rlr-manifest-1"

SCHEMA = pa.schema(
    [
        pa.field("path", pa.string(), nullable=False),  # relative to the root, with slashes
        pa.field("class", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # one of SPLITS
        pa.field("label", pa.string()),  # "good", a defect type, or null: nobody has judged it
        pa.field("mask", pa.string()),  # relative path; several are joined with "|"; null: none
        pa.field("width", pa.int32(), nullable=False),  # pixels; 0 where unreadable
        pa.field("height", pa.int32(), nullable=False),
        pa.field("mode", pa.string(), nullable=False),  # Pillow's name, or "unreadable"
        pa.field("bytes", pa.int64(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),  # of the file's bytes
        pa.field("group", pa.string(), nullable=False),  # physical part or burst
        pa.field("captured_at", pa.string()),  # ISO 8601, or null
        pa.field("source", pa.string()),
        pa.field("licence", pa.string()),
    ]
)
COLUMNS: tuple[str, ...] = tuple(SCHEMA.names)


@dataclass(frozen=True)
class Manifest:
    """A table of images, where they lie, and which data version they are.

    Attributes:
        frame: One row an image, columns as in `SCHEMA`, sorted by path.
        root: Folder that the paths are relative to.
        version: Data version (`<md5>.dir`).
    """

    frame: pd.DataFrame
    root: Path
    version: str

    @property
    def classes(self) -> list[str]:
        """Names of the product classes, sorted."""
        return sorted(self.frame["class"].unique())

    @property
    def digest(self) -> str:
        """sha256 over all rows: the same table has the same digest on every machine."""
        rows = self.frame.astype(object).where(self.frame.notna(), None)
        return digest(rows.to_dict(orient="records"))

    def select(self, split: Split) -> pd.DataFrame:
        """Return the rows of one split."""
        return self.frame[self.frame["split"] == split].reset_index(drop=True)


def make_frame(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    """Build a manifest's table from rows, with the schema's types, sorted by path."""
    table = pa.Table.from_pylist([{name: row.get(name) for name in COLUMNS} for row in rows])
    frame: pd.DataFrame = table.cast(SCHEMA).to_pandas() if rows else _empty_frame()
    return frame.sort_values("path").reset_index(drop=True)


def _empty_frame() -> pd.DataFrame:
    frame: pd.DataFrame = SCHEMA.empty_table().to_pandas()
    return frame


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write a manifest as parquet, atomically; its data version travels in the file."""
    table = pa.Table.from_pandas(manifest.frame, schema=SCHEMA, preserve_index=False)
    notes = {b"rlr.format": FORMAT, b"rlr.data_version": manifest.version.encode()}
    with atomic_file(path) as temporary:
        pq.write_table(table.replace_schema_metadata(notes), temporary)


def read_manifest(path: Path, root: Path) -> Manifest:
    """Read a manifest.

    Args:
        path: Parquet file of `rlr data index`.
        root: Folder with the images, that the manifest's paths are relative to.

    Raises:
        UserError: The file is missing or is no manifest.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing; write it with `rlr data index`.") from error
    except pa.ArrowInvalid as error:
        raise UserError(f"{path} is not a parquet file; write it with `rlr data index`.") from error
    notes = table.schema.metadata or {}
    if notes.get(b"rlr.format") != FORMAT:
        raise UserError(f"{path} is not a manifest of this version; run `rlr data index` again.")
    frame = table.cast(SCHEMA).to_pandas()
    return Manifest(frame, Path(root), notes[b"rlr.data_version"].decode())


def is_defective(frame: pd.DataFrame) -> pd.Series:
    """Return, for each judged row, whether its label is a defect type."""
    return frame["label"].notna() & (frame["label"] != GOOD)
