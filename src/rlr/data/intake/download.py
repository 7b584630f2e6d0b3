"""One object's way to a file: asked for, received, checked, and only then given its name."""

import logging
import os
import random
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlr.config.intake import IntakeConfig
from rlr.data.intake.checking import find_fault
from rlr.data.intake.client import CHANGED, GONE, error_code, explain
from rlr.data.intake.listing import BucketObject
from rlr.foundation.errors import MachineError

BLOCK = 2**20
UNFINISHED = ".part"
PAUSE_LIMIT = 20.0  # seconds

logger = logging.getLogger("rlr")


class LostError(Exception):
    """The object is not what was listed any more; the words say what has become of it."""


class StoppedError(Exception):
    """Another object has failed, so this one is not needed now."""


class Downloader:
    """Downloads single objects; threads may share it.

    Args:
        client: Client of S3.
        settings: Concurrency, attempts, size of parts.
        stopped: Set when no more objects are wanted.
    """

    def __init__(self, client: Any, settings: IntakeConfig, stopped: threading.Event) -> None:
        from boto3.s3.transfer import TransferConfig, create_transfer_manager

        self._client = client
        self._settings = settings
        self._stopped = stopped
        self._under_way: set[Any] = set()
        # One manager for all objects: its threads are the limit on parts fetched at once.
        self._parts = create_transfer_manager(
            client,
            TransferConfig(
                multipart_threshold=settings.part_size,
                multipart_chunksize=settings.part_size,
                max_concurrency=settings.concurrency,
                num_download_attempts=settings.attempts,
                preferred_transfer_client="classic",
            ),
        )

    def close(self) -> None:
        """Stop what is under way, if no more objects are wanted, and end the threads."""
        if self._stopped.is_set():
            # Not by shutdown(cancel=True), which raises a TypeError of its own (s3transfer 0.19).
            for future in list(self._under_way):
                future.cancel()
        self._parts.shutdown()

    def download(self, thing: BucketObject, place: Path) -> None:
        """Fetch an object to a place; a file of its size there is complete, and stays.

        Raises:
            LostError: The object was deleted or overwritten since it was listed.
            StoppedError: No more objects are wanted.
            RlrError: It could not be fetched as it is.
        """
        if place.is_file() and place.stat().st_size == thing.size:
            return
        temporary = place.with_name(place.name + UNFINISHED)
        try:
            self._receive_whole(thing, temporary)
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)

    def _receive_whole(self, thing: BucketObject, file: Path) -> None:
        """Try until the file is what the object is; each request has tries of its own, too."""
        fault: str | None = ""
        for attempt in range(self._settings.attempts):
            if attempt:
                self._pause(attempt, f"{thing.source}: {fault}; trying again")
            if self._stopped.is_set():
                raise StoppedError
            fault = self._try_once(thing, file)
            if fault is None:
                return
        tries = self._settings.attempts
        raise MachineError(
            f"{thing.source} did not arrive whole in {tries} tries ({fault}); try again, or put "
            "the object into the bucket anew if it is damaged there."
        )

    def _try_once(self, thing: BucketObject, file: Path) -> str | None:
        try:
            facts, part_size = self._receive(thing, file)
        except Exception as error:
            return _passing_fault(thing, error)
        return find_fault(file, thing.size, thing.etag, facts, part_size)

    def _pause(self, attempt: int, words: str) -> None:
        logger.debug(words)
        longest = min(PAUSE_LIMIT, self._settings.pause * 2 ** (attempt - 1))
        self._stopped.wait(longest * random.uniform(0.5, 1.0))

    def _receive(self, thing: BucketObject, file: Path) -> tuple[Mapping[str, Any], int | None]:
        if thing.size > self._settings.part_size:
            return self._receive_parts(thing, file)
        name = {"Bucket": thing.bucket, "Key": thing.key}
        answer = self._client.get_object(**name, IfMatch=thing.etag, ChecksumMode="ENABLED")
        with file.open("wb") as output:
            for block in answer["Body"].iter_chunks(BLOCK):
                output.write(block)
        return answer, None

    def _receive_parts(
        self, thing: BucketObject, file: Path
    ) -> tuple[Mapping[str, Any], int | None]:
        name = {"Bucket": thing.bucket, "Key": thing.key}
        facts = self._client.head_object(**name, IfMatch=thing.etag, ChecksumMode="ENABLED")
        future = self._parts.download(thing.bucket, thing.key, str(file))
        self._under_way.add(future)
        try:
            future.result()
        finally:
            self._under_way.discard(future)
        if "-" not in thing.etag:
            return facts, None
        first = self._client.head_object(**name, PartNumber=1)["ContentLength"]
        return facts, first if first < thing.size else None  # a server that knows no parts


def _passing_fault(thing: BucketObject, error: Exception) -> str:
    """Return what has gone wrong on the way, or raise where another try would not help."""
    from boto3.s3.transfer import S3TransferRetriesExceededError
    from botocore.exceptions import (
        FlexibleChecksumError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
    )

    code = error_code(error)
    if code in GONE:
        raise LostError("was deleted while it was imported") from error
    if code in CHANGED:
        raise LostError("was overwritten while it was imported") from error
    on_the_way = (
        FlexibleChecksumError,
        IncompleteReadError,
        ReadTimeoutError,
        ResponseStreamingError,
        S3TransferRetriesExceededError,
    )
    if isinstance(error, on_the_way):
        return " ".join(str(error).split()) or type(error).__name__
    raise explain(thing.source, error) from error
