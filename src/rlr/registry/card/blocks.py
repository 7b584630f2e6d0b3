"""What a card is made of, before it is Markdown or HTML. All text is plain."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Points:
    """Sentences, a bullet each."""

    items: Sequence[str]


@dataclass(frozen=True)
class Commands:
    """Lines for a shell."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """Names and values; a value that is code is set as such."""

    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """A table; the first column names the row.

    Attributes:
        columns: Headings.
        rows: Cells; a row may be marked by its place in `totals`.
        note: What must be known to read it.
        totals: Places of the rows that stand for all others.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""
    totals: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Picture:
    """The lineage, which lies beside the Markdown and inside the page."""

    alternative: str


Block = Text | Points | Commands | Facts | Table | Picture


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Card:
    """A whole card.

    Attributes:
        title: Its heading.
        lead: One sentence below it.
        warnings: What must be read first.
        sections: The rest.
    """

    title: str
    lead: str
    warnings: Sequence[str] = ()
    sections: Sequence[Section] = field(default_factory=list)
