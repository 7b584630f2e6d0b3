"""Bringing objects here: several at once, and what is here stays for the next try."""

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rlr.config.intake import IntakeConfig
from rlr.data.intake.client import explain
from rlr.data.intake.download import UNFINISHED, LostError
from rlr.data.intake.listing import BucketObject
from rlr.data.intake.naming import file_name
from rlr.data.intake.source import Source
from rlr.foundation.errors import RlrError
from rlr.foundation.progress import track


@dataclass(frozen=True)
class Fetched:
    """What has become of the objects.

    Attributes:
        files: The file of each object that is here.
        lost: What has become of those that are not any more what was listed.
    """

    files: Mapping[BucketObject, Path]
    lost: Mapping[BucketObject, str]


def fetch_objects(
    source: Source, settings: IntakeConfig, objects: Sequence[BucketObject], folder: Path
) -> Fetched:
    """Fetch objects into a folder, those that are there already excepted.

    Args:
        source: Where they are.
        settings: Concurrency.
        objects: What is wanted.
        folder: Where the files go; a file without the ending `.part` is complete.

    Raises:
        UserError: The bucket refuses access.
        MachineError: The server or the disk fails, or an object arrives damaged again and again.
            What was fetched stays.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(f"*{UNFINISHED}"):
        left.unlink()
    places = {thing: folder / file_name(thing) for thing in objects}
    try:
        return _fetch_all(source, settings, places)
    finally:
        with suppress(OSError):  # where there is something in it
            folder.rmdir()


def _fetch_all(
    source: Source, settings: IntakeConfig, places: Mapping[BucketObject, Path]
) -> Fetched:
    stopped = threading.Event()
    downloader = source.downloader(stopped)
    files: dict[BucketObject, Path] = {}
    lost: dict[BucketObject, str] = {}
    with ThreadPoolExecutor(settings.concurrency) as pool:
        jobs = {
            pool.submit(downloader.download, thing, place): thing for thing, place in places.items()
        }
        thing = None
        try:
            for job in track(as_completed(jobs), f"Fetching {len(jobs)} objects", total=len(jobs)):
                thing = jobs[job]
                try:
                    job.result()
                    files[thing] = places[thing]
                except LostError as error:
                    lost[thing] = str(error)
        except Exception as error:
            assert thing is not None
            raise _told(error, len(files), thing, len(jobs)) from error
        finally:
            stopped.set()
            for job in jobs:
                job.cancel()
            downloader.close()
    return Fetched(files, lost)


def _told(error: Exception, done: int, thing: BucketObject, wanted: int) -> RlrError:
    """Say what is kept, for the next try fetches only the rest."""
    failure = explain(thing.source, error)
    if not done:
        return failure
    kept = f"({done} of {wanted} objects are here and stay for the next import)"
    return type(failure)(f"{str(failure).removesuffix('.')} {kept}.")
