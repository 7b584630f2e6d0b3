"""Measured and quoted figures side by side, before they become Markdown, LaTeX or CSV."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlr.orchestration.benchmark.figures import (
    Figure,
    Figures,
    category_figures,
    mean_figures,
)
from rlr.orchestration.benchmark.protocol import METRICS, TITLES
from rlr.orchestration.benchmark.quoted import LEAGUES, Method, Quoted

Kind = Literal["measured", "quoted"]
Runs = Mapping[str, Sequence[Mapping[str, Any]]]  # finished runs of each preset
MEASURED = "measured here"


@dataclass(frozen=True)
class Column:
    """What one method has come to.

    Attributes:
        name: Name of the method, or of the preset.
        kind: Whether it was measured here, or is quoted.
        group: Heading that it stands under.
        origin: Its backbone and weights, or its source.
        seeds: Number of seeds; None: quoted.
        mean: Means over the categories.
        categories: Figures of each category; a quoted method may have none.
        source: Key of the source; "": measured here.
    """

    name: str
    kind: Kind
    group: str
    origin: str
    seeds: int | None
    mean: Figures
    categories: Mapping[str, Figures]
    source: str = ""


def measured_columns(runs: Runs, categories: Sequence[str]) -> list[Column]:
    """Return a column a preset of which a run is finished."""
    return [_measured(name, done, categories) for name, done in runs.items() if done]


def quoted_columns(quoted: Quoted, categories: Sequence[str]) -> list[Column]:
    """Return a column a quoted method, by league."""
    methods = sorted(quoted.methods, key=lambda method: list(LEAGUES).index(method.league))
    return [_quoted(method, categories) for method in methods]


def _measured(name: str, runs: Sequence[Mapping[str, Any]], categories: Sequence[str]) -> Column:
    backbone = runs[0]["backbone"]
    return Column(
        name=name,
        kind="measured",
        group=MEASURED,
        origin=f"{backbone['name']} ({backbone['weights_origin']} weights)",
        seeds=len(runs),
        mean=mean_figures(runs),
        categories={category: category_figures(runs, category) for category in categories},
    )


def _quoted(method: Method, categories: Sequence[str]) -> Column:
    return Column(
        name=method.name,
        kind="quoted",
        group=f"quoted: {LEAGUES[method.league]}",
        origin="; ".join(word for word in (method.backbone, method.note) if word),
        seeds=None,
        mean=_figures(method, None),
        categories={
            category: _figures(method, category)
            for category in categories
            if category in method.categories
        },
        source=method.source,
    )


def _figures(method: Method, category: str | None) -> Figures:
    values = method.values(category)
    return {metric: Figure(values[metric]) for metric in METRICS}


UNDEFINED = Figure(None)


def mean_heads(metrics: Sequence[str]) -> list[str]:
    """Return the heads of the table of means."""
    return ["Method", "What it stands on", *(TITLES[metric] for metric in metrics), "Seeds"]


def mean_cells(column: Column, metrics: Sequence[str]) -> list[str]:
    """Return the cells of a method in the table of means, behind its name."""
    figures = [column.mean.get(metric, UNDEFINED).text() for metric in metrics]
    return [column.origin, *figures, "" if column.seeds is None else str(column.seeds)]


def joined(figures: Figures | None, metrics: Sequence[str]) -> str:
    """Return several figures in one cell, without their spread: 98.6/99.6/97.8.

    Example:
        >>> joined({"a": Figure(98.64, 0.1), "b": Figure(None)}, ["a", "b"])
        '98.6/-'
    """
    if figures is None:
        return "-"
    return "/".join(Figure(figures[metric].value).text() for metric in metrics)
