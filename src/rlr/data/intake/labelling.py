"""What is known of an object: class, label, split, part and time, from a CSV or from its key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from rlr.config.intake import IntakeConfig
from rlr.data.intake.listing import BucketObject
from rlr.data.intake.location import Location
from rlr.data.intake.sidecar import read_sidecar
from rlr.data.layouts.mvtec import KNOWN
from rlr.data.manifest import GOOD, Split
from rlr.data.tables import TableRow
from rlr.foundation.errors import UserError

UNLABELLED: Split = "unlabelled"
JUDGED = ("train", "validation", "test")
FORBIDDEN = re.compile(r"[/\\|\x00-\x1f\x7f]")
LONGEST = 100  # characters of a folder's name


@dataclass(frozen=True)
class Judgement:
    """What is known of one object.

    Attributes:
        class_name: Product class.
        split: Where it goes; `unlabelled` where nobody has judged it.
        label: "good", a defect type, or None.
        group: Physical part or burst, or None.
        captured_at: ISO 8601, or None.
    """

    class_name: str
    split: Split
    label: str | None
    group: str | None
    captured_at: str | None


class Judge:
    """Judges objects by the CSV first, cell by cell, then by their keys.

    Args:
        settings: Pattern, names of good labels, class of the rest.
        rows: Rows of the CSV, by key.
    """

    def __init__(self, settings: IntakeConfig, rows: Mapping[str, TableRow]) -> None:
        self._settings = settings
        self._rows = rows
        self._pattern = re.compile(settings.key_pattern) if settings.key_pattern else None
        self._good = {GOOD, *(label.casefold() for label in settings.good_labels)}

    def judge(self, thing: BucketObject) -> Judgement | None:
        """Return what is known of an object, or None: nothing tells its class.

        Raises:
            UserError: A name cannot be that of a folder, a split is unknown or contradicts the
                label, or a time cannot be read.
        """
        row = self._rows.get(thing.key)
        match = self._pattern.search(thing.key) if self._pattern else None
        told = match.groupdict() if match else {}
        given = {name: value for name, value in (row.values if row else {}).items() if value}
        where = row.where if row else thing.source
        class_name = given.get("class") or told.get("class") or self._settings.class_name
        if not class_name:
            return None
        _require_class(class_name, where)
        label = self._label(given.get("label") or told.get("label"), where)
        split = _split(given.get("split") or told.get("split"), label, where)
        group = told.get("group")
        return Judgement(
            class_name,
            split,
            label,
            # Part numbers begin anew in every class; what a CSV says stands as it is written.
            given.get("group") or (f"{class_name}/{group}" if group else None),
            self._time(given.get("captured_at"), told.get("time"), where),
        )

    def _label(self, label: str | None, where: str) -> str | None:
        if label is None or label.casefold() in ("", UNLABELLED):
            return None
        if label.casefold() in self._good:
            return GOOD
        _require_name("label", label, where)
        return label

    def _time(self, given: str | None, told: str | None, where: str) -> str | None:
        text = given or told
        if not text:
            return None
        form = None if given else self._settings.time_format
        try:
            if form:
                return datetime.strptime(text, form).isoformat()
            datetime.fromisoformat(text)
        except ValueError as error:
            wanted = form or "ISO 8601, such as 2026-01-31T08:00:00Z"
            raise UserError(
                f"{where}: the time '{text}' is not written as {wanted}; correct it, or "
                "data.intake.time_format."
            ) from error
        return text


def read_judge(
    client: Any, settings: IntakeConfig, location: Location, objects: list[BucketObject]
) -> Judge:
    """Return a judge for the objects of a location, with the CSV where one is named."""
    if not settings.labels_csv:
        return Judge(settings, {})
    keys = {thing.key for thing in objects}
    return Judge(settings, read_sidecar(client, settings.labels_csv, location, keys))


def _split(split: str | None, label: str | None, where: str) -> Split:
    if label is None:  # whatever the split: an image that nobody has judged tests nothing
        return UNLABELLED
    chosen = split.lower() if split else ("train" if label == GOOD else "test")
    if chosen not in JUDGED:
        raise UserError(f"{where}: the split '{split}' is unknown; write {', '.join(JUDGED)}.")
    if label != GOOD and chosen != "test":
        raise UserError(
            f"{where}: an image with the defect '{label}' is to go to {chosen}; only good ones "
            "may, so correct its label or its split."
        )
    return cast("Split", chosen)


def _require_class(name: str, where: str) -> None:
    _require_name("class", name, where)
    if name in KNOWN:
        raise UserError(
            f"{where}: a class cannot be called '{name}', as a folder of every class is; correct "
            "the CSV or data.intake.key_pattern."
        )


def _require_name(kind: str, name: str, where: str) -> None:
    if FORBIDDEN.search(name) or name.startswith(".") or len(name) > LONGEST:
        raise UserError(
            f"{where}: the {kind} '{name}' cannot be the name of a folder; correct the CSV, "
            "data.intake.key_pattern or data.intake.class_name."
        )
