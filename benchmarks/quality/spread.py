"""Means over seeds with their spread, from a results file."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Record = dict[str, Any]
MEAN, POOLED = "mean", "pooled"
METRICS = (
    "image_auroc",
    "image_ap",
    "image_f1max",
    "pixel_auroc",
    "pixel_ap",
    "pixel_f1max",
    "aupro_0.30",
)


@dataclass(frozen=True)
class Spread:
    """A figure over seeds.

    Attributes:
        mean: Its mean.
        deviation: Its standard deviation (n - 1); None for a single seed.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Take one value a seed, at least one."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation)

    def told(self, scale: float = 1.0, digits: int = 3) -> str:
        """Write it as `0.927 ± 0.004`."""
        text = f"{self.mean * scale:.{digits}f}"
        if self.deviation is None:
            return text
        return f"{text} \N{PLUS-MINUS SIGN} {self.deviation * scale:.{digits}f}"


def epochs_of(document: dict[str, Any]) -> list[int | None]:
    """Return the epochs that are measured, rising; [None] for a method without epochs."""
    found = {record["epoch"] for record in document["records"]}
    return sorted(found, key=lambda epoch: epoch or 0)


def records_at(document: dict[str, Any], epoch: int | None) -> list[Record]:
    """Return the records of an epoch, one a seed."""
    return [record for record in document["records"] if record["epoch"] == epoch]


def scopes_of(document: dict[str, Any]) -> list[str]:
    """Return the classes, then the names of their mean and of the pooled figures."""
    return [*sorted(document["images"]["classes"]), MEAN, POOLED]


def value_of(record: Record, scope: str, metric: str) -> float | None:
    """Return a metric of a class, of the mean, or pooled; None where it is undefined."""
    metrics = record["metrics"]
    values = metrics[scope] if scope in (MEAN, POOLED) else metrics["per_class"][scope]
    value: float | None = values[metric]
    return value


def spread_of(records: Sequence[Record], scope: str, metric: str) -> Spread | None:
    """Return a metric over the seeds; None where it is undefined or nothing is measured."""
    values = [value_of(record, scope, metric) for record in records]
    known = [value for value in values if value is not None]
    return Spread.of(known) if known else None


def seconds_of(records: Sequence[Record], part: str) -> Spread | None:
    """Return processor seconds of a part over the seeds."""
    values = [record["cpu_seconds"][part] for record in records]
    return Spread.of(values) if values else None


def reaches(ours: Sequence[Record], goal: Sequence[Record], metrics: Sequence[str]) -> bool:
    """Return whether the means over the classes are at least those of another set of records."""
    for metric in metrics:
        reached, wanted = (spread_of(records, MEAN, metric) for records in (ours, goal))
        if wanted is not None and (reached is None or reached.mean < wanted.mean):
            return False
    return True
