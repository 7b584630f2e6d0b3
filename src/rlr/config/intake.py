"""How images come in from a bucket."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rlr.config.section import NotNegative, Positive, Section

MEBIBYTE = 2**20
FIELDS = ("class", "label", "split", "group", "time")


def _with_known_groups(pattern: str) -> str:
    try:
        names = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"it is no regular expression ({error})") from error
    unknown = sorted(set(names) - set(FIELDS))
    if unknown or not names:
        given = ", ".join(unknown) or "none"
        raise ValueError(f"its named groups may be {', '.join(FIELDS)}; it has {given}")
    return pattern


KeyPattern = Annotated[str, AfterValidator(_with_known_groups)]


class IntakeConfig(Section):
    """Which objects of a bucket are taken, what is known of them, and how they are fetched."""

    key_pattern: KeyPattern | None = Field(
        None,
        description="Regular expression, searched for in an object's key; its named groups may be "
        "class, label, split, group (part or burst) and time. Null: keys tell nothing.",
    )
    time_format: str | None = Field(
        None,
        description="How the group `time` is written, as in Python's strptime (%Y%m%dT%H%M%S); "
        "null: ISO 8601.",
    )
    labels_csv: str | None = Field(
        None,
        description="CSV here or at an s3:// URL with the columns key (or path: below the prefix) "
        "and any of class, label, split, group, captured_at; it goes before the pattern.",
    )
    class_name: str | None = Field(
        None, description="Class of the images whose class neither the CSV nor the pattern tells."
    )
    good_labels: list[str] = Field(
        ["good"], description="Labels that mean `good`, in any case of letters, such as OK."
    )
    include: list[str] | None = Field(
        None, description="Suffixes to take, such as .png; null: all that are read as images."
    )
    changed: Literal["refuse", "new"] = Field(
        "refuse",
        description="An object that was imported and has another content now: refuse: stop before "
        "anything is fetched; new: take it as one more image.",
    )
    settle_seconds: NotNegative = Field(
        5.0,
        description="A file in a folder that changed less than so many seconds ago is left to the "
        "next import: somebody may be writing it.",
    )
    concurrency: Annotated[int, Field(ge=1, le=256)] = Field(
        16, description="Objects, or parts of large ones, that are fetched at once."
    )
    part_size: Annotated[int, Field(ge=5 * MEBIBYTE)] = Field(
        8 * MEBIBYTE, description="Bytes a part; an object beyond it is fetched in several."
    )
    attempts: Positive = Field(
        5, description="Times that a request or a damaged object is tried, with growing pauses."
    )
    pause: NotNegative = Field(
        0.5, description="Seconds before the second try of an object; doubled from try to try."
    )
    timeout: Annotated[float, Field(gt=0.0)] = Field(
        60.0, description="Seconds of silence after which the server counts as away."
    )
