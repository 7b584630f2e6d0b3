"""A folder where cameras drop images, read as a bucket is: a file is an object, by its md5."""

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.config.intake import IntakeConfig
from rlr.data.intake.checking import find_fault
from rlr.data.intake.client import connect
from rlr.data.intake.download import UNFINISHED, LostError, StoppedError
from rlr.data.intake.listing import BucketObject
from rlr.data.intake.location import FILE_SCHEME, SCHEME, Location
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track


@dataclass(frozen=True)
class Folder:
    """A folder as a source of images.

    Attributes:
        path: The folder, absolute.
        settings: Where the labels are, and how long a file must have been left alone.
    """

    path: Path
    settings: IntakeConfig

    @property
    def location(self) -> Location:
        """What the folder is called."""
        return Location(str(self.path), "", FILE_SCHEME)

    def client(self) -> Any:
        """Return a client of S3 where the labels lie there; None: nothing does."""
        labels = self.settings.labels_csv or ""
        return connect(self.settings) if labels.startswith(SCHEME) else None

    def list_objects(self) -> list[BucketObject]:
        """List the files, those in folders too, in the order of their paths.

        Hidden files are left out, and files that changed within the last
        `settings.settle_seconds`: somebody may still be writing them.

        Raises:
            UserError: The folder is missing, or a file cannot be read.
        """
        if not self.path.is_dir():
            raise UserError(
                f"The folder {self.path} is missing; correct the name, or write s3://BUCKET/PREFIX."
            )
        try:
            files = sorted(self._files())
            return [self._object(file) for file in track(files, f"Listing {self.path}")]
        except OSError as error:
            raise UserError(
                f"{error.filename or self.path} cannot be read ({error.strerror or error}); "
                "check its permissions."
            ) from error

    def downloader(self, stopped: threading.Event) -> "Copier":
        """Return what brings single files here."""
        return Copier(stopped)

    def _files(self) -> Iterator[Path]:
        now, labels = time.time(), self.settings.labels_csv
        left_out = os.path.abspath(labels) if labels else None
        for parent, folders, names in os.walk(self.path, onerror=_raise):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                file = Path(parent, name)
                if name.startswith(".") or str(file) == left_out or not file.is_file():
                    continue
                if now - file.stat().st_mtime >= self.settings.settle_seconds:
                    yield file

    def _object(self, file: Path) -> BucketObject:
        with file.open("rb") as stream:
            md5 = hashlib.file_digest(
                stream, lambda: hashlib.new("md5", usedforsecurity=False)
            ).hexdigest()
            size = os.fstat(stream.fileno()).st_size
        return BucketObject(
            str(self.path), file.relative_to(self.path).as_posix(), size, md5, FILE_SCHEME
        )


class Copier:
    """Copies single files; threads may share it.

    Args:
        stopped: Set when no more files are wanted.
    """

    def __init__(self, stopped: threading.Event) -> None:
        self._stopped = stopped

    def close(self) -> None:
        """Do nothing: no file is under way when nobody waits for one."""

    def download(self, thing: BucketObject, place: Path) -> None:
        """Copy a file to a place; one of its size there is complete, and stays.

        Raises:
            LostError: The file was deleted or overwritten since it was listed.
            StoppedError: No more files are wanted.
            OSError: It cannot be copied.
        """
        if self._stopped.is_set():
            raise StoppedError
        if place.is_file() and place.stat().st_size == thing.size:
            return
        temporary = place.with_name(place.name + UNFINISHED)
        try:
            # A copy, and no link: who wrote the file may write into it again.
            shutil.copyfile(Path(thing.bucket, thing.key), temporary)
            if find_fault(temporary, thing.size, thing.etag, {}):
                raise LostError("was overwritten while it was imported")
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(place)
        except FileNotFoundError as error:
            raise LostError("was deleted while it was imported") from error
        finally:
            temporary.unlink(missing_ok=True)


def _raise(error: OSError) -> None:
    raise error
