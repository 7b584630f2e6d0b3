"""The tables as Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rlr.orchestration.benchmark.columns import Column, joined, mean_cells, mean_heads
from rlr.orchestration.benchmark.outcome import POOLED, READING, Outcome, metrics_of
from rlr.orchestration.benchmark.protocol import IMAGE_METRICS, PIXEL_METRICS, TITLES


def render_markdown(outcome: Outcome) -> str:
    """Return a page: how to read it, means, and two tables by category."""
    return "\n".join(_lines(outcome))


def _lines(outcome: Outcome) -> Iterator[str]:
    request = outcome.plan.request
    yield f"# {request.dataset.title}, multi-class\n"
    yield f"{outcome.progress()} Made by:\n"
    yield f"```console\n$ {request.command()}\n```\n"
    yield f"{READING}\n"
    for note in outcome.notes():
        yield f"> **Note.** {note}\n"
    yield "## Means over the categories\n"
    yield from _means(outcome)
    yield f"\n{POOLED} {'; '.join(outcome.pooled())}."
    for title, metrics in (("Image level", IMAGE_METRICS), ("Pixel level", PIXEL_METRICS)):
        yield f"\n## {title} by category\n"
        yield f"{'/'.join(TITLES[metric] for metric in metrics)}; what has a number is quoted.\n"
        yield from _categories(outcome, metrics)
    yield "\n## Sources of what is quoted\n"
    for number, sentence in enumerate(outcome.sources.values(), start=1):
        yield f"{number}. {sentence}"
    yield "\nThese figures were copied from their sources, and nothing of them was measured here.\n"


def _means(outcome: Outcome) -> Iterator[str]:
    metrics = metrics_of(outcome.compared)
    yield _row(mean_heads(metrics))
    yield _row(["---", "---", *["---:" for _ in metrics], "---:"])
    for group, columns in groupby(outcome.compared, key=lambda column: column.group):
        yield _row([f"*{group}*", *[""] * (len(metrics) + 2)])
        for column in columns:
            yield _row([_name(outcome, column), *mean_cells(column, metrics)])


def _categories(outcome: Outcome, metrics: Sequence[str]) -> Iterator[str]:
    columns = outcome.by_category
    yield _row(["Category", *(_name(outcome, column) for column in columns)])
    yield _row(["---", *["---:" for _ in columns]])
    for category in outcome.categories:
        cells = [joined(column.categories.get(category), metrics) for column in columns]
        yield _row([category, *cells])
    means = [joined(outcome.mean_of(column), metrics) for column in columns]
    yield _row(["**Mean**", *means])


def _name(outcome: Outcome, column: Column) -> str:
    label = outcome.label(column)
    return f"**{label}**" if column.kind == "measured" else label


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
