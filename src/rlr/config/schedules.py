"""`schedules.yaml`: which pipeline runs when, with what, on a cluster or on one machine."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    field_validator,
    model_validator,
)

from rlr.config.cron import parse_cron
from rlr.config.load import DEFAULT_PRESET
from rlr.config.section import Section
from rlr.config.text import parse_yaml
from rlr.foundation.errors import UserError

SCHEDULES_FILE = "schedules.yaml"
SECONDS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
INTERVAL = re.compile(r"(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+(?:\.\d+)?s)?", re.ASCII)


def interval_seconds(interval: str) -> float:
    """Return the length of an interval.

    Raises:
        ValueError: It is not understood.

    Example:
        >>> interval_seconds("1h30m")
        5400.0
    """
    total = sum(
        float(number) * SECONDS[unit] for number, unit in re.findall(r"([\d.]+)([dhms])", interval)
    )
    if not INTERVAL.fullmatch(interval) or not total > 0.0:
        raise ValueError("write days, hours, minutes, seconds in this order: 6h, 1d, 1h30m, 90s")
    return total


def known_zone(name: str) -> str:
    """Return a time zone's name.

    Raises:
        ValueError: There is no such zone.
    """
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(
            "there is no such time zone; write one as Europe/Berlin, or UTC"
        ) from error
    return name


Zone = Annotated[str, AfterValidator(known_zone)]


class ScheduleParameters(Section):
    """What each run of a schedule is given; other keys go to the pipeline as they are."""

    model_config = ConfigDict(**{**Section.model_config, "extra": "allow"})
    __pydantic_extra__: dict[str, JsonValue]

    config: str = Field(
        DEFAULT_PRESET, description="Preset, or a YAML file, from the root of the checkout."
    )
    overrides: tuple[str, ...] = Field((), description="key=value each, as with `rlr --set`.")
    data_version: str = Field(
        "", description="Data version (<md5>.dir); empty: what the configuration names."
    )
    seed: Annotated[int, Field(ge=0)] | None = Field(
        None, description="Seed; null: that of the configuration."
    )

    def others(self) -> dict[str, JsonValue]:
        """Return the parameters that this pipeline has and others have not."""
        return dict(self.__pydantic_extra__ or {})


class Schedule(Section):
    """One schedule."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$")] = Field(
        description="Name: small letters, digits, hyphens; 40 at most."
    )
    pipeline: str = Field(description="Pipeline, as `rlr pipeline list` names it.")
    cron: str | None = Field(
        None,
        description="Six fields: second, minute, hour, day of the month, month, weekday (0 or sun "
        "to 6 or sat); null: there is an interval.",
    )
    interval: str | None = Field(
        None, description="Time between two runs, as 6h, 1d or 1h30m; null: there is a cron."
    )
    timezone: Zone | None = Field(
        None, description="Time zone of cron; null: cluster_timezone. A cluster knows that alone."
    )
    parameters: ScheduleParameters = ScheduleParameters()
    enabled: bool = Field(True, description="Whether it runs at all.")
    concurrency: Annotated[int, Field(ge=1, le=10)] = Field(
        1, description="Greatest number of its runs at once; what is due then waits."
    )
    catch_up: bool = Field(
        False, description="Whether every run that was missed is made good; false: the last one."
    )

    @field_validator("cron")
    @classmethod
    def _understood(cls, cron: str | None) -> str | None:
        if cron is not None:
            parse_cron(cron)
        return cron

    @field_validator("interval")
    @classmethod
    def _long_enough(cls, interval: str | None) -> str | None:
        if interval is not None:
            interval_seconds(interval)
        return interval

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("cron, interval: give one of the two, and one only")
        if self.interval is not None and self.timezone is not None:
            raise ValueError("timezone: an interval has none; remove it")
        return self


class Schedules(Section):
    """The whole file."""

    cluster_timezone: Zone = Field(
        "UTC",
        description="The one time zone of Kubeflow's scheduler: CRON_SCHEDULE_TIMEZONE of the "
        "deployment ml-pipeline-scheduledworkflow.",
    )
    experiment: Annotated[str, Field(min_length=1)] = Field(
        "rlr", description="Kubeflow's experiment of the runs."
    )
    service_account: str | None = Field(
        None, description="Kubernetes' account of the steps; null: that of the namespace."
    )
    schedules: tuple[Schedule, ...] = Field((), description="The schedules.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [schedule.name for schedule in self.schedules]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"name: two schedules are named {twice[0]}; rename one")
        return self

    def zone_of(self, schedule: Schedule) -> str:
        """Return the time zone in which a schedule's cron is meant."""
        return schedule.timezone or self.cluster_timezone

    def named(self, name: str) -> Schedule:
        """Return a schedule.

        Raises:
            UserError: There is none of that name.
        """
        for schedule in self.schedules:
            if schedule.name == name:
                return schedule
        known = ", ".join(schedule.name for schedule in self.schedules) or "none"
        raise UserError(f"{SCHEDULES_FILE} has no schedule {name}; it has {known}.")


def load_schedules(path: Path) -> Schedules:
    """Read a file of schedules.

    Args:
        path: The file.

    Raises:
        UserError: It cannot be read, or something in it is refused; the sentence names file,
            schedule and key.
    """
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UserError(
            f"The schedules {path} cannot be read ({reason}); write that file, or name another "
            "with --file."
        ) from error
    except yaml.YAMLError as error:
        words = " ".join(str(error).split())
        raise UserError(f"{path}: not valid YAML ({words}); mend the file.") from error
    values = {} if values is None else values
    if not isinstance(values, dict):
        raise UserError(f"{path}: a mapping is expected; see `rlr schedule schema`.")
    try:
        # By way of JSON: in strict mode only there may a list stand for a tuple.
        return Schedules.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise UserError(_explain(path, error, values)) from error
    except (TypeError, ValueError) as error:
        raise UserError(f"{path}: not a plain YAML value ({error}); quote it.") from error


def _explain(path: Path, error: ValidationError, values: Mapping[str, Any]) -> str:
    """Tell the first fault in one sentence: file, schedule, key."""
    first = error.errors()[0]
    where, key = _place(first["loc"], values)
    place = f"{path}: {where}{key}{': ' if key else ''}"
    reason = first["msg"].removeprefix("Value error, ")
    match first["type"]:
        case "extra_forbidden":
            return f"{place}unknown key; `rlr schedule schema` lists all."
        case "missing":
            return f"{place}this key is missing; add it."
        case "value_error" if not isinstance(first["input"], str):
            return f"{place}{reason}."  # of a whole schedule, or of the file
        case "string_pattern_mismatch":
            reason = "small letters, digits and hyphens are expected, 40 at most"
    return f"{place}{reason}, but got {first['input']!r}."


def _place(location: Sequence[int | str], values: Mapping[str, Any]) -> tuple[str, str]:
    """Return which schedule a location is in, and its key."""
    if len(location) < 2 or location[0] != "schedules" or not isinstance(location[1], int):
        return "", ".".join(str(part) for part in location)
    entry = values["schedules"][location[1]]
    name = entry.get("name") if isinstance(entry, dict) else None
    label = str(name) if name is not None else f"number {location[1] + 1}"
    key = ".".join(str(part) for part in location[2:])
    return f"schedule {label}: ", key
