"""What a command answers: one JSON object for programs, or tables for people."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from io import UnsupportedOperation
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

STDOUT = 1  # the descriptor that children inherit
PAGE_WIDTH = 160  # characters a line where stdout is no terminal and has no width of its own

_reserved: ContextVar[TextIO | None] = ContextVar("reserved_stdout", default=None)


@contextmanager
def reserve_stdout() -> Iterator[None]:
    """Keep stdout for the one JSON object; what anything else prints there goes to stderr.

    Libraries print, and so do child processes: hence the descriptor is moved, not the Python
    object alone.
    """
    sys.stdout.flush()
    descriptor = _descriptor(sys.stdout)
    if descriptor is None:
        with _announced(sys.stdout):
            yield
        return
    kept = os.dup(STDOUT)
    with os.fdopen(os.dup(descriptor), "w", encoding="utf-8") as document, _announced(document):
        os.dup2(sys.stderr.fileno(), STDOUT)
        try:
            yield
        finally:
            os.dup2(kept, STDOUT)
            os.close(kept)


@contextmanager
def _announced(document: TextIO) -> Iterator[None]:
    token = _reserved.set(document)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        _reserved.reset(token)


def _descriptor(stream: TextIO) -> int | None:
    """Return the descriptor of a stream, or None where tests have put an object in its place."""
    try:
        return stream.fileno()
    except UnsupportedOperation:
        return None


def emit(
    document: Mapping[str, Any],
    as_json: bool,
    render: Callable[[Mapping[str, Any]], "Iterable[RenderableType]"],
) -> None:
    """Print what a command found.

    Args:
        document: The answer, finite numbers and nulls only; `schema_version` is put in front.
        as_json: Whether to print it as one JSON object on stdout.
        render: Makes the tables and lines for people out of the document.
    """
    from rlr.foundation.documents import SCHEMA_VERSION, dump_json

    if as_json:
        stream = _reserved.get() or sys.stdout
        stream.write(dump_json({"schema_version": SCHEMA_VERSION, **document}))
        stream.flush()
        return
    from rich.console import Console

    # Names of files may look like markup ([0]) or emoji (:no:); they are neither.
    console = Console(
        markup=False,
        emoji=False,
        highlight=False,
        width=None if sys.stdout.isatty() else PAGE_WIDTH,
    )
    for part in render(document):
        console.print(part, soft_wrap=isinstance(part, str))


def table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], title: str | None = None
) -> "Table":
    """Return a table; numbers stand on the right, and what is undefined is "-".

    Args:
        columns: Headings.
        rows: Values, one a column; a float is shown with four digits after the point.
        title: Line above the table.
    """
    from rich import box
    from rich.table import Table

    values = [list(row) for row in rows]
    made = Table(
        title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False
    )
    for position, heading in enumerate(columns):
        numeric = any(_is_number(row[position]) for row in values)
        made.add_column(heading, justify="right" if numeric else "left", overflow="fold")
    for row in values:
        made.add_row(*(cell(value) for value in row))
    return made


def cell(value: object) -> str:
    """Return a value as it stands in a table."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
