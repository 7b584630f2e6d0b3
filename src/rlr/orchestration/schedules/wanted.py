"""What a cluster should have of each schedule, and the mark by which it is known again.

A recurring run cannot be changed and carries no labels. So it is ours if its name is `rlr-` with
the name of a schedule, and its description ends with that name again and a digest of all that it
does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rlr.config.schedules import Schedule, interval_seconds
from rlr.foundation.documents import digest
from rlr.orchestration.compile import compile_pinned, pipeline_title
from rlr.orchestration.kubeflow.versions import version_name
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.schedules.declared import Declared
from rlr.orchestration.schedules.times import times_of

PREFIX = "rlr-"
MARK = re.compile(r"rlr-schedule=(?P<name>[a-z0-9-]+) sha256=(?P<digest>[0-9a-f]{64})$")
FORMAT = 1  # of what the digest is made of


@dataclass(frozen=True)
class Images:
    """Images of the steps, as with `rlr pipeline upload`.

    Attributes:
        pipeline: Image of the light steps; None: that of the configuration.
        train: Image of the heavy steps; None: that of the configuration.
        allow_tag: Whether a tag may stay where no registry knows its digest.
    """

    pipeline: str | None = None
    train: str | None = None
    allow_tag: bool = False


@dataclass(frozen=True)
class Wanted:
    """What a cluster should have of a schedule.

    Attributes:
        name: Name of the schedule.
        enabled: Whether it should run.
        title: What its pipeline calls itself.
        version: Name of the pipeline's version, which says its content.
        compiled: The pipeline, compiled.
        summary: What the pipeline is for.
        order: All else that Kubeflow is told: trigger, arguments, limits, place.
        fires_after: Returns the first instant later than a moment; an interval begins there.
    """

    name: str
    enabled: bool
    title: str
    version: str
    compiled: str
    summary: str
    order: dict[str, Any]
    fires_after: Callable[[datetime], datetime]

    @property
    def display_name(self) -> str:
        """Name of the recurring run."""
        return f"{PREFIX}{self.name}"

    @property
    def digest(self) -> str:
        """Digest of all that the recurring run does; being enabled can be changed, and is none."""
        content = {"format": FORMAT, "pipeline": self.title, "version": self.version}
        return digest({**content, **self.order})

    @property
    def description(self) -> str:
        """Words for people, and the mark."""
        return (
            f"Kept by `rlr schedule apply`; change schedules.yaml, not this. "
            f"rlr-schedule={self.name} sha256={self.digest}"
        )


def read_mark(display_name: str, description: str) -> tuple[str, str] | None:
    """Return the schedule and the digest of a recurring run, or None where it is not ours.

    Args:
        display_name: Its name.
        description: Its description.
    """
    found = MARK.search(description)
    if not found or display_name != f"{PREFIX}{found['name']}":
        return None
    return found["name"], found["digest"]


def make_wanted(declared: Declared, images: Images) -> list[Wanted]:
    """Return what a cluster should have, in the order of the file.

    Args:
        declared: The file.
        images: Images of the steps.

    Raises:
        UserError: A schedule is of another time zone than the cluster, an interval is not of whole
            seconds, or an image cannot be pinned.
        MachineError: A registry does not answer.
    """
    for schedule in declared.schedules.schedules:
        _check_for_cluster(declared, schedule)
    compiled: dict[tuple[str, Parameters], str] = {}
    return [_wanted(declared, one, images, compiled) for one in declared.schedules.schedules]


def _check_for_cluster(declared: Declared, schedule: Schedule) -> None:
    cluster = declared.schedules.cluster_timezone
    if schedule.timezone not in (None, cluster):
        raise declared.refuse(
            schedule,
            "timezone",
            f"{schedule.timezone} is not the time zone of the cluster, which is {cluster} "
            "(cluster_timezone) for all schedules; write cron in that zone, or run it with "
            "`rlr schedule run`.",
        )
    if schedule.interval and not interval_seconds(schedule.interval).is_integer():
        raise declared.refuse(schedule, "interval", "a cluster's interval is of whole seconds.")


def _wanted(
    declared: Declared,
    schedule: Schedule,
    images: Images,
    compiled: dict[tuple[str, Parameters], str],
) -> Wanted:
    parameters = declared.parameters(schedule)
    # As `rlr pipeline upload` compiles it; what a run is given besides does not change the version.
    defaults = Parameters(parameters.config, parameters.overrides)
    key = schedule.pipeline, defaults
    if key not in compiled:
        compiled[key] = compile_pinned(
            declared.project,
            schedule.pipeline,
            defaults,
            images.pipeline,
            images.train,
            images.allow_tag,
        )
    title = pipeline_title(compiled[key])
    return Wanted(
        schedule.name,
        schedule.enabled,
        title,
        version_name(title, compiled[key]),
        compiled[key],
        declared.project.summary(schedule.pipeline),
        _order(declared, schedule),
        lambda moment: times_of(declared.schedules, schedule, moment).after(moment),
    )


def _order(declared: Declared, schedule: Schedule) -> dict[str, Any]:
    interval = None if schedule.interval is None else int(interval_seconds(schedule.interval))
    return {
        "cron": None if schedule.cron is None else " ".join(schedule.cron.split()),
        "interval_second": interval,
        "arguments": declared.arguments(schedule),
        "concurrency": schedule.concurrency,
        "catch_up": schedule.catch_up,
        "experiment": declared.schedules.experiment,
        "service_account": declared.schedules.service_account,
    }
