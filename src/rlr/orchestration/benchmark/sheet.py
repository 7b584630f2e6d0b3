"""The figures as CSV: one a row, so that any program can pivot them."""

import csv
import io
from collections.abc import Iterator

from rlr.orchestration.benchmark.columns import Column
from rlr.orchestration.benchmark.figures import Figures
from rlr.orchestration.benchmark.outcome import Outcome

HEADER = (
    "dataset",
    "method",
    "kind",
    "group",
    "category",
    "metric",
    "percent",
    "spread",
    "seeds",
    "source",
)
MEAN = "mean"


def render_csv(outcome: Outcome) -> str:
    """Return measured and quoted figures; what is not defined or not reported has no row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for column in outcome.measured + outcome.others:
        writer.writerows(_rows(outcome, column))
    return text.getvalue()


def _rows(outcome: Outcome, column: Column) -> Iterator[tuple[object, ...]]:
    source = outcome.quoted.sources.get(column.source)
    reference = "" if source is None else f"arXiv {source.arxiv}"
    seeds = "" if column.seeds is None else column.seeds
    parts: list[tuple[str, Figures]] = [*column.categories.items(), (MEAN, column.mean)]
    for category, figures in parts:
        for metric, figure in figures.items():
            if figure.value is not None:
                yield (
                    outcome.plan.request.name,
                    column.name,
                    column.kind,
                    column.group,
                    category,
                    metric,
                    f"{figure.value:.4f}",
                    "" if figure.spread is None else f"{figure.spread:.4f}",
                    seeds,
                    reference,
                )
