"""Which flaw a part has, if any."""

from dataclasses import dataclass

from rlr.data.synthetic.draw import Draw

GOOD = "good"


@dataclass(frozen=True)
class Flaw:
    """A kind of defect and the draws that shape it.

    Attributes:
        kind: "good", or the name of the defect's folder.
        draw: Where its place and size come from; the part's own draws know nothing of it.
    """

    kind: str
    draw: Draw
