"""The steps of a run as a table."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rlr.cli.output import table

if TYPE_CHECKING:
    from rich.table import Table

COLUMNS = ("step", "state", "started", "finished")


def step_table(steps: Iterable[Mapping[str, Any]]) -> "Table":
    """Return the steps of a run as a table."""
    keys = ("name", "state", "started", "finished")
    return table(COLUMNS, [[step[key] for key in keys] for step in steps])
