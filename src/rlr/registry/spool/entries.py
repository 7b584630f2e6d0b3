"""The lines of a spool: one JSON object each, with the version of its form.

    {"v":1,"time":1760000000000,"kind":"state","state":"RUNNING"}
    {"v":1,"time":1760000001000,"kind":"metrics","step":1,"values":{"train.loss":0.5}}
    {"v":1,"time":1760000002000,"kind":"tags","tags":{"floors":"hold"}}
    {"v":1,"time":1760000003000,"kind":"file","file":"3/report.html","place":"evaluation"}

A time is that of the recording, in milliseconds since 1970. It travels to the server, where a
point that is sent twice is for that reason the same row.
"""

import json
import time
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

VERSION = 1


def _now() -> int:
    return int(time.time() * 1000)


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    v: int = VERSION
    time: int = Field(default_factory=_now)


class StateEntry(_Entry):
    """The run has begun, or has come to its end."""

    kind: Literal["state"] = "state"
    state: Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


class MetricsEntry(_Entry):
    """Values of one step, by their names."""

    kind: Literal["metrics"] = "metrics"
    step: int
    values: dict[str, float]


class TagsEntry(_Entry):
    """Tags, by their names."""

    kind: Literal["tags"] = "tags"
    tags: dict[str, str]


class FileEntry(_Entry):
    """A file, which lies in the spool, for a folder of the run's artifacts."""

    kind: Literal["file"] = "file"
    file: str
    place: str


Entry = StateEntry | MetricsEntry | TagsEntry | FileEntry
_READER: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def encode(entry: Entry) -> bytes:
    """Return an entry as a line, its line break included."""
    return entry.model_dump_json().encode() + b"\n"


def decode(line: bytes) -> Entry:
    """Return the entry of a line.

    Raises:
        ValueError: It is none, or one of a later version.
    """
    document = json.loads(line)
    version = document.get("v") if isinstance(document, dict) else None
    if version != VERSION:
        raise ValueError(f"version {version}, and this program reads {VERSION}")
    try:
        return _READER.validate_json(line)
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from error
