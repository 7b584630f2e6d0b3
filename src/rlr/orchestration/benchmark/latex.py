"""The tables as LaTeX: a document that compiles by itself, and tables that can be copied out."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from rlr.orchestration.benchmark.columns import Column, joined, mean_cells, mean_heads
from rlr.orchestration.benchmark.outcome import POOLED, READING, Outcome, metrics_of
from rlr.orchestration.benchmark.protocol import IMAGE_METRICS, PIXEL_METRICS, TITLES

PREAMBLE = r"""\documentclass[10pt]{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\usepackage{booktabs}
\usepackage{graphicx}
\begin{document}"""
PLUS_MINUS = r"$\pm$"
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "±": PLUS_MINUS,
    }
)


def render_latex(outcome: Outcome) -> str:
    """Return a document with the table of means and the two by category."""
    return "\n".join(_lines(outcome)) + "\n"


def escaped(text: str) -> str:
    r"""Return text with LaTeX's characters taken literally.

    Example:
        >>> escaped("metal_nut & 5 %")
        'metal\\_nut \\& 5 \\%'
    """
    return text.translate(_ESCAPES)


def _lines(outcome: Outcome) -> Iterator[str]:
    title = escaped(outcome.plan.request.dataset.title)
    yield f"% {outcome.plan.request.command()}"
    yield PREAMBLE
    yield rf"\section*{{{title}, multi-class}}"
    yield escaped(" ".join([outcome.progress(), READING, *outcome.notes(), *_pooled(outcome)]))
    yield from _table(
        f"{title}: means over the categories.", *_means(outcome), rows_of=_mean_rows(outcome)
    )
    for words, metrics in (("image level", IMAGE_METRICS), ("pixel level", PIXEL_METRICS)):
        titles = escaped("/".join(TITLES[metric] for metric in metrics))
        yield from _table(
            f"{title}: {words} by category, {titles}; what has a number is quoted.",
            *_category_head(outcome),
            rows_of=_category_rows(outcome, metrics),
        )
    yield r"\section*{Sources of what is quoted}"
    yield r"\begin{enumerate}"
    for sentence in outcome.sources.values():
        yield rf"\item {escaped(sentence)}"
    yield r"\end{enumerate}"
    yield r"\end{document}"


def _pooled(outcome: Outcome) -> Iterator[str]:
    yield f"{POOLED} {'; '.join(outcome.pooled())}."


def _table(caption: str, columns: str, head: str, rows_of: Iterable[str]) -> Iterator[str]:
    yield r"\begin{table}[htbp]\centering\scriptsize"
    yield rf"\caption{{{caption}}}"
    yield r"\resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%"
    yield rf"\begin{{tabular}}{{{columns}}}"
    yield r"\toprule"
    yield head
    yield r"\midrule"
    yield from rows_of
    yield r"\bottomrule"
    yield r"\end{tabular}}"
    yield r"\end{table}"


def _means(outcome: Outcome) -> tuple[str, str]:
    metrics = metrics_of(outcome.compared)
    return f"ll{'r' * len(metrics)}r", _row(mean_heads(metrics))


def _mean_rows(outcome: Outcome) -> Iterator[str]:
    metrics = metrics_of(outcome.compared)
    for place, (group, columns) in enumerate(groupby(outcome.compared, key=_group)):
        if place:
            yield r"\midrule"
        yield rf"\multicolumn{{{len(metrics) + 3}}}{{l}}{{\emph{{{escaped(group)}}}}} \\"
        for column in columns:
            yield _row([outcome.label(column), *mean_cells(column, metrics)])


def _category_head(outcome: Outcome) -> tuple[str, str]:
    names = [outcome.label(column) for column in outcome.by_category]
    return f"l{'r' * len(names)}", _row(["Category", *names])


def _category_rows(outcome: Outcome, metrics: Sequence[str]) -> Iterator[str]:
    columns = outcome.by_category
    for category in outcome.categories:
        cells = [joined(column.categories.get(category), metrics) for column in columns]
        yield _row([category, *cells])
    yield r"\midrule"
    yield _row(["Mean", *(joined(outcome.mean_of(column), metrics) for column in columns)])


def _group(column: Column) -> str:
    return column.group


def _row(cells: Iterable[str]) -> str:
    return " & ".join(escaped(cell) for cell in cells) + r" \\"
