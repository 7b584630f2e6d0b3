"""What lies in a bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rlr.data.intake.client import explain
from rlr.data.intake.location import SCHEME, Location
from rlr.foundation.errors import RlrError
from rlr.foundation.progress import track


@dataclass(frozen=True)
class BucketObject:
    """One object, as the listing describes it.

    Attributes:
        bucket: Name of the bucket, or absolute path of the folder.
        key: Its key, or the file's path in the folder.
        size: Bytes.
        etag: Its ETag, without quotes; of a file the md5.
        scheme: What its URL begins with.
    """

    bucket: str
    key: str
    size: int
    etag: str
    scheme: str = SCHEME

    @property
    def source(self) -> str:
        """Where it lies, as a URL."""
        return f"{self.scheme}{self.bucket}/{self.key}"


def list_objects(client: Any, location: Location) -> list[BucketObject]:
    """List the objects of a location, page by page, in the order of their keys.

    The placeholders that consoles make for empty folders are left out.

    Raises:
        UserError: The bucket does not exist, or refuses access.
        MachineError: The server cannot be reached.
    """
    try:
        return list(track(_objects(client, location), f"Listing {location.url}"))
    except RlrError:
        raise
    except Exception as error:
        raise explain(location.url, error) from error


def _objects(client: Any, location: Location) -> Iterator[BucketObject]:
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket=location.bucket, Prefix=location.prefix
    )
    for page in pages:
        for entry in page.get("Contents", ()):
            if entry["Size"] or not entry["Key"].endswith("/"):
                etag = entry["ETag"].strip('"')
                yield BucketObject(location.bucket, entry["Key"], entry["Size"], etag)
