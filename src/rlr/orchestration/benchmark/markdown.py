"""The tables as Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rlr.orchestration.benchmark.columns import Column, joined
from rlr.orchestration.benchmark.figures import Figure
from rlr.orchestration.benchmark.outcome import READING, Outcome, metrics_of
from rlr.orchestration.benchmark.protocol import IMAGE_METRICS, PIXEL_METRICS, TITLES

UNDEFINED = Figure(None)


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
    for title, metrics in (("Image level", IMAGE_METRICS), ("Pixel level", PIXEL_METRICS)):
        yield f"\n## {title} by category\n"
        yield f"{'/'.join(TITLES[metric] for metric in metrics)}; (q) is quoted.\n"
        yield from _categories(outcome, metrics)
    yield "\n## Sources of what is quoted\n"
    for sentence in outcome.sources():
        yield f"- {sentence}"
    yield "\nThese figures were copied from their sources, and nothing of them was measured here.\n"


def _means(outcome: Outcome) -> Iterator[str]:
    metrics = metrics_of(outcome.compared)
    yield _row(["Method", "What it stands on", *(TITLES[metric] for metric in metrics), "Seeds"])
    yield _row(["---", "---", *["---:" for _ in metrics], "---:"])
    for group, columns in groupby(outcome.compared, key=lambda column: column.group):
        yield _row([f"*{group}*", *[""] * (len(metrics) + 2)])
        for column in columns:
            figures = [column.mean.get(metric, UNDEFINED).text() for metric in metrics]
            seeds = "" if column.seeds is None else str(column.seeds)
            yield _row([_name(column), column.origin, *figures, seeds])


def _categories(outcome: Outcome, metrics: Sequence[str]) -> Iterator[str]:
    columns = outcome.by_category
    yield _row(["Category", *(f"{_name(column)}{_mark(column)}" for column in columns)])
    yield _row(["---", *["---:" for _ in columns]])
    for category in outcome.categories:
        cells = [joined(column.categories.get(category), metrics) for column in columns]
        yield _row([category, *cells])
    means = [joined(outcome.mean_of(column), metrics) for column in columns]
    yield _row(["**Mean**", *means])


def _name(column: Column) -> str:
    return f"**{column.name}**" if column.kind == "measured" else column.name


def _mark(column: Column) -> str:
    return "" if column.kind == "measured" else " (q)"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
