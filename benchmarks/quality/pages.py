"""Keeps the tables of a page equal to the results files that stand beside it.

A place in the page names what it shows; what lies between is written anew:

    <!-- bench compare published.json patchcore-class.json -->
    <!-- /bench -->

The words are a kind of table (show, compare, cost, difference, closed) and results files, which
are looked for in `benchmarks/results/detection`; or `openings`, or `choices`, with files of their
own there.
"""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from quality.choices import choices_table
from quality.closed import closed_table
from quality.difference import difference_table
from quality.openings import LEDGER, read_ledger
from quality.results import read_results
from quality.tables import Document, comparison_table, cost_table, show, table
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError

PLACE = re.compile(r"(<!-- bench (?P<words>[^>]*?) -->\n).*?(<!-- /bench -->)", re.DOTALL)
Pairs = Sequence[tuple[Path, Document]]
KINDS: dict[str, Callable[[Pairs], str]] = {
    "show": lambda pairs: "\n\n".join(show(document) for _, document in pairs),
    "compare": lambda pairs: comparison_table([document for _, document in pairs]),
    "cost": lambda pairs: cost_table([document for _, document in pairs]),
    "difference": difference_table,
    "closed": lambda pairs: closed_table([document for _, document in pairs]),
}
# How many of the files, from the first on, the others are held against.
HELD_AGAINST = {"difference": 1, "closed": 2}


def rewrite(page: Path, folder: Path = LEDGER.parent) -> int:
    """Write all tables of a page anew.

    Args:
        page: Markdown with places for tables.
        folder: Where the results files lie.

    Returns:
        The number of places.

    Raises:
        UserError: The page is missing, or a place asks for a table that is none.
    """
    if not page.is_file():
        raise UserError(f"{page} is missing; name a Markdown page.")
    text, count = PLACE.subn(
        lambda found: f"{found[1]}{_content(page, found['words'], folder)}\n{found[3]}",
        page.read_text(encoding="utf-8"),
    )
    if not count:
        raise UserError(f"{page} has no place for a table (<!-- bench show FILE.json -->).")
    with atomic_file(page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return count


def openings_table(ledger: Path) -> str:
    """Return how often real test images were opened, by whom and why."""
    counted = Counter((str(one["configuration"]), str(one["why"])) for one in read_ledger(ledger))
    rows = [[who, why, str(count)] for (who, why), count in sorted(counted.items())]
    return table([["opened for", "why", "times"], *rows, ["all", "", str(counted.total())]])


def _content(page: Path, words: str, folder: Path) -> str:
    kind, *names = words.split()
    if kind == "openings":
        return openings_table(folder / LEDGER.name)
    if kind == "choices":
        return choices_table(folder / "choices")
    if kind not in KINDS or not names:
        raise UserError(
            f"{page}: 'bench {words}' is no table; write one of {', '.join(KINDS)} with results "
            "files, or openings, or choices."
        )
    missing = [name for name in names if not (folder / name).is_file()]
    told = [f"Not measured yet: {', '.join(missing)}."] if missing else []
    found = [(folder / name, read_results(folder / name)) for name in names if name not in missing]
    needed = set(names[: HELD_AGAINST.get(kind, 0)])
    if not found or needed & set(missing) or (needed and len(found) < 2):
        return told[0]
    return "\n\n".join([KINDS[kind](found), *told])
