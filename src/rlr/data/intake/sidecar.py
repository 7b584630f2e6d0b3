"""The CSV that comes with the images of a bucket: here, or in the bucket too."""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from rlr.data.intake.client import explain
from rlr.data.intake.location import SCHEME, Location, split_url
from rlr.data.tables import TableRow, read_rows
from rlr.foundation.errors import UserError

KEY, PATH = "key", "path"

logger = logging.getLogger("rlr")


def read_sidecar(
    client: Any, name: str, location: Location, keys: Collection[str]
) -> dict[str, TableRow]:
    """Return the rows of a labels CSV by key.

    Args:
        client: Client of S3.
        name: A file here, or an s3:// URL.
        location: What `path` is relative to.
        keys: All keys of the location.

    Raises:
        UserError: The CSV is missing, names no objects, or one object twice.
    """
    rows = _fetch_rows(client, name) if name.startswith(SCHEME) else read_rows(Path(name), ())
    by_key: dict[str, TableRow] = {}
    for row in rows:
        key = _key(row, location)
        if key in by_key:
            raise UserError(f"{row.where}: {key} was named before; keep one of the rows.")
        by_key[key] = row
    strangers = [row for key, row in by_key.items() if key not in keys]
    if strangers:
        logger.warning(
            "%d rows of %s name no object of %s, such as %s",
            len(strangers), name, location.url, strangers[0].where,
        )  # fmt: skip
    return by_key


def _key(row: TableRow, location: Location) -> str:
    key = row.values.get(KEY) or location.prefix + row.values.get(PATH, "").lstrip("/")
    if KEY not in row.values and PATH not in row.values:
        raise UserError(f"{row.file}, line 1: no column {KEY} or {PATH}; name the objects in one.")
    if key == location.prefix:
        raise UserError(f"{row.where}: it names no object; fill in {KEY} or {PATH}.")
    return key


def _fetch_rows(client: Any, url: str) -> list[TableRow]:
    bucket, key = split_url(url)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "labels.csv"
        try:
            file.write_bytes(client.get_object(Bucket=bucket, Key=key)["Body"].read())
        except Exception as error:
            raise explain(url, error) from error
        return read_rows(file, (), shown_as=url)
