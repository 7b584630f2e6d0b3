"""What every part has: a name, its station's lighting, its defects, and how it is built."""

from collections.abc import Callable
from dataclasses import dataclass

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import SIDE
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.shapes import Canvas, Point
from rlr.data.synthetic.surface import Surface


@dataclass(frozen=True)
class Part:
    """One class of the set.

    Attributes:
        name: The class's folder.
        rig: Lighting of its station.
        defects: Kinds of flaw that `build` knows.
        build: Makes the surface of one example, with its flaw if it has one.
    """

    name: str
    rig: Rig
    defects: tuple[str, ...]
    build: Callable[[Canvas, Draw, Flaw], Surface]


def anywhere(draw: Draw, margin: int = SIDE // 6) -> Point:
    """Return a point of the picture that is not too near to its border."""
    return draw.integer(margin, SIDE - margin), draw.integer(margin, SIDE - margin)
