"""Where images come from: a bucket, or a folder of this machine."""

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rlr.config.intake import IntakeConfig
from rlr.data.intake.client import connect
from rlr.data.intake.download import Downloader
from rlr.data.intake.folder import Folder
from rlr.data.intake.listing import BucketObject, list_objects
from rlr.data.intake.location import FILE_SCHEME, SCHEME, Location, parse_location
from rlr.foundation.errors import UserError


class Bringer(Protocol):
    """What brings single objects here; threads may share it."""

    def download(self, thing: BucketObject, place: Path) -> None:
        """Bring an object to a place, whole or not at all."""

    def close(self) -> None:
        """Stop what is under way."""


class Source(Protocol):
    """Where images come from."""

    @property
    def location(self) -> Location:
        """What it is called."""

    def client(self) -> Any:
        """Return a client of S3; None where nothing lies in a bucket."""

    def list_objects(self) -> list[BucketObject]:
        """List what is there, in the order of the keys."""

    def downloader(self, stopped: threading.Event) -> Bringer:
        """Return what brings single objects here."""


@dataclass(frozen=True)
class Bucket:
    """A bucket as a source of images.

    Attributes:
        location: Bucket and prefix.
        settings: How it is asked.
        connection: Client of S3.
    """

    location: Location
    settings: IntakeConfig
    connection: Any

    def client(self) -> Any:
        """Return the client of S3."""
        return self.connection

    def list_objects(self) -> list[BucketObject]:
        """List the objects; raises as `listing.list_objects` does."""
        return list_objects(self.connection, self.location)

    def downloader(self, stopped: threading.Event) -> Downloader:
        """Return what downloads single objects."""
        return Downloader(self.connection, self.settings, stopped)


def open_source(address: str, settings: IntakeConfig, root: Path) -> Source:
    """Open a source.

    Args:
        address: s3://BUCKET/PREFIX, or a folder.
        settings: How it is asked.
        root: Folder that the images go to.

    Raises:
        UserError: It names no bucket, holds credentials, or is a folder in or around `root`.
    """
    is_url = "://" in address and not address.startswith(FILE_SCHEME)
    if is_url or address.startswith(SCHEME):
        return Bucket(parse_location(address), settings, connect(settings))
    path = Path(os.path.abspath(os.path.expanduser(address.removeprefix(FILE_SCHEME))))
    if path.is_relative_to(root) or root.is_relative_to(path):
        raise UserError(
            f"{path} and the data folder {root} lie in one another; import from a folder of its "
            "own."
        )
    return Folder(path, settings)
