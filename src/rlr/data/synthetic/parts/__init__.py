"""The classes of the set: three textures and three objects."""

from rlr.data.synthetic.parts.brushed_steel import BRUSHED_STEEL
from rlr.data.synthetic.parts.capsule import CAPSULE
from rlr.data.synthetic.parts.circuit import CIRCUIT
from rlr.data.synthetic.parts.flange import FLANGE
from rlr.data.synthetic.parts.leather import LEATHER
from rlr.data.synthetic.parts.part import Part
from rlr.data.synthetic.parts.twill import TWILL

PARTS: dict[str, Part] = {
    part.name: part for part in (BRUSHED_STEEL, CAPSULE, CIRCUIT, FLANGE, LEATHER, TWILL)
}

__all__ = ["PARTS", "Part"]
