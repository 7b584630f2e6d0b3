"""A card as Markdown, in the tables that GitHub and GitLab show."""

import re
from collections.abc import Iterator

from rlr.registry.card.blocks import (
    Block,
    Card,
    Commands,
    Facts,
    Picture,
    Points,
    Table,
    Text,
)

# What would be formatting, a link, a cell's end or HTML. Within a word an underscore means nothing,
# and a bracket only where a link could follow.
SPECIAL = re.compile(r"([\\`*<>|~]|(?<!\w)_|_(?!\w)|\](?=[(\[:]))")


def to_markdown(card: Card, picture: str) -> str:
    """Write a card.

    Args:
        card: The card.
        picture: Name of the picture's file beside it.
    """
    lines = [f"# {_plain(card.title)}", "", _plain(card.lead), ""]
    for warning in card.warnings:
        lines += [f"> **Note:** {_plain(warning)}", ""]
    for section in card.sections:
        lines += [f"## {section.title}", ""]
        for block in section.blocks:
            lines += [*_block(block, picture), ""]
    return "\n".join(lines)


def _block(block: Block, picture: str) -> Iterator[str]:
    if isinstance(block, Text):
        yield _prose(block.text)
    elif isinstance(block, Points):
        yield from (f"- {_plain(item)}" for item in block.items)
    elif isinstance(block, Commands):
        yield from ("```console", *(f"$ {line}" for line in block.lines), "```")
    elif isinstance(block, Facts):
        yield from _table(["", ""], [list(row) for row in block.rows], frozenset())
    elif isinstance(block, Picture):
        yield f"![{_plain(block.alternative)}]({picture})"
    else:
        yield from _whole_table(block)


def _whole_table(table: Table) -> Iterator[str]:
    yield from _table(list(table.columns), [list(row) for row in table.rows], table.totals)
    if table.note:
        yield from ("", _plain(table.note))


def _table(columns: list[str], rows: list[list[str]], totals: frozenset[int]) -> Iterator[str]:
    yield _row([_plain(column) for column in columns])
    yield _row(["---"] * len(columns))
    for place, row in enumerate(rows):
        cells = [_plain(cell) for cell in row]
        yield _row([f"**{cell}**" if cell else "" for cell in cells] if place in totals else cells)


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    return SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _prose(text: str) -> str:
    """Escape a paragraph in which `commands` stand between backquotes."""
    parts = " ".join(text.split()).split("`")
    if len(parts) % 2 == 0:  # one of them is no quotation
        return _plain(text)
    return "".join(
        f"`{part}`" if place % 2 else SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts)
    )
