"""Measured figures: means over categories and seeds, and the spread over seeds."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rlr.evaluation.measure import mean_of

PERCENT = 100.0


@dataclass(frozen=True)
class Figure:
    """One figure of a table, in percent.

    Attributes:
        value: Mean over the seeds; None: not defined, or not reported.
        spread: Standard deviation over the seeds (n - 1); None: of one seed, or quoted.
    """

    value: float | None
    spread: float | None = None

    def text(self, plus_minus: str = "±") -> str:
        """Return the figure as it stands in a cell."""
        if self.value is None:
            return "-"
        spread = "" if self.spread is None else f" {plus_minus} {self.spread:.1f}"
        return f"{self.value:.1f}{spread}"


Figures = dict[str, Figure]  # by metric


def category_figures(runs: Sequence[Mapping[str, Any]], category: str) -> Figures:
    """Return the figures of a category over the runs of a preset."""
    return _over_seeds([run["categories"][category] for run in runs])


def mean_figures(runs: Sequence[Mapping[str, Any]]) -> Figures:
    """Return the means over the categories, a run at a time, and then over the runs.

    A category where a metric is not defined is left out of its mean.
    """
    return _over_seeds(
        [mean_of(run["categories"], list(next(iter(run["categories"].values())))) for run in runs]
    )


def pooled_figures(runs: Sequence[Mapping[str, Any]]) -> Figures:
    """Return the figures over all images of all categories together."""
    return _over_seeds([run["pooled"] for run in runs])


def _over_seeds(values: Sequence[Mapping[str, float | None]]) -> Figures:
    return {metric: _figure([one[metric] for one in values]) for metric in values[0]}


def _figure(values: Sequence[float | None]) -> Figure:
    known = [PERCENT * value for value in values if value is not None]
    if len(known) < len(values):
        return Figure(None)
    spread = statistics.stdev(known) if len(known) > 1 else None
    return Figure(statistics.fmean(known), spread)
