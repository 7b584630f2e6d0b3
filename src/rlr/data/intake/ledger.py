"""Which objects were taken before: a list in the data folder, which travels with the version.

Hence an import on another machine, into a pulled copy, fetches no image twice; and an image that
was relabelled or withdrawn since is not brought in again.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rlr.data.intake.listing import BucketObject
from rlr.data.tables import TableRow, read_rows
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError

LEDGER = ".imported.csv"
COLUMNS = ("source", "etag", "bytes", "imported_as")


@dataclass(frozen=True, order=True)
class Record:
    """One object that was taken.

    Attributes:
        source: Its URL.
        etag: Its ETag at that time.
        size: Bytes.
        path: Its path at that time; "" for what turned out to be no image.
    """

    source: str
    etag: str
    size: int
    path: str


class Ledger:
    """The records of a data folder.

    Args:
        records: One an object.
    """

    def __init__(self, records: Iterable[Record] = ()) -> None:
        self._records = {(record.source, record.etag): record for record in records}
        self._sources = {record.source for record in self._records.values()}

    def knows(self, thing: BucketObject) -> bool:
        """Return whether an object with this content was taken before."""
        return (thing.source, thing.etag) in self._records

    def has_changed(self, thing: BucketObject) -> bool:
        """Return whether another content was taken from under this key before."""
        return thing.source in self._sources and not self.knows(thing)

    def with_records(self, records: Iterable[Record]) -> "Ledger":
        """Return a ledger with more records."""
        return Ledger([*self._records.values(), *records])

    def write(self, root: Path) -> None:
        """Write the ledger into a data folder, in the order of the sources."""
        with atomic_file(root / LEDGER) as temporary, temporary.open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(COLUMNS)
            for record in sorted(self._records.values()):
                writer.writerow((record.source, record.etag, record.size, record.path))


def read_ledger(root: Path) -> Ledger:
    """Read the ledger of a data folder; one that was never imported into has an empty one.

    Raises:
        UserError: The file is damaged.
    """
    file = root / LEDGER
    if not file.exists():
        return Ledger()
    return Ledger(_record(row) for row in read_rows(file, COLUMNS))


def _record(row: TableRow) -> Record:
    if not row["bytes"].isdecimal():
        raise UserError(
            f"{row.where}: '{row['bytes']}' is no number of bytes; restore the file from the "
            "version before."
        )
    return Record(row["source"], row["etag"], int(row["bytes"]), row["imported_as"])
