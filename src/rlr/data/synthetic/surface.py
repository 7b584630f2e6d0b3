"""What the camera looks at: a relief with a colour and a shine at every sample point."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rlr.data.synthetic.fixed import ONE, RELIEF, SHIFT, Plane, mix
from rlr.data.synthetic.shapes import WHOLE, Canvas, Window

Colour = tuple[int, int, int]  # red, green, blue: shares of reflected light, linear


@dataclass
class Surface:
    """A relief with its material, sample by sample.

    Attributes:
        canvas: The sample points.
        height: Towards the camera, in 1/64 of a length.
        colour: Reflected shares of red, green and blue, (3, n, n).
        gloss: Strength of the lamp's reflection on a varnish, a share.
        metal: Share of the light that is mirrored rather than scattered.
        part: Share of the sample that the part covers; the rest is what it lies on.
        lay: Unit vector (2, n, n) across the grooves of a turned face; None: no grooves.
    """

    canvas: Canvas
    height: Plane
    colour: NDArray[np.int32]
    gloss: Plane
    metal: Plane
    part: Plane
    lay: NDArray[np.int32] | None = None

    def paint(self, cover: Plane, colour: Colour, window: Window = WHOLE) -> None:
        """Lay a colour over the surface where `cover` says."""
        for channel, value in zip(self.colour, colour, strict=True):
            channel[window] = mix(channel[window], value, cover)

    def tint(self, shade: Plane, window: Window = WHOLE) -> None:
        """Make the colour lighter or darker: by -ONE to black, by ONE to twice as light."""
        for channel in self.colour:
            channel[window] += (channel[window] * shade) >> SHIFT

    def finish(self, cover: Plane, gloss: int = 0, metal: int = 0, window: Window = WHOLE) -> None:
        """Change the shine where `cover` says."""
        self.gloss[window] = mix(self.gloss[window], gloss, cover)
        self.metal[window] = mix(self.metal[window], metal, cover)

    def raise_by(self, share: Plane, rise: int, window: Window = WHOLE) -> None:
        """Lift the surface, by `rise` (a length) where `share` is ONE."""
        self.height[window] += share * (rise * RELIEF) >> SHIFT


def plain(canvas: Canvas, colour: Colour, gloss: int = 0, metal: int = 0) -> Surface:
    """Return a flat surface of one material, all of it part."""
    planes = np.empty((3, canvas.n, canvas.n), dtype=np.int32)
    planes[:] = np.array(colour, dtype=np.int32)[:, None, None]
    blank = canvas.zeros()
    return Surface(canvas, canvas.zeros(), planes, blank + gloss, blank + metal, blank + ONE)


def rgb(text: str) -> Colour:
    """Return the linear colour of a display colour such as "c08040" (gamma 2)."""
    red, green, blue = (int(text[at : at + 2], 16) for at in (0, 2, 4))
    return red * red * ONE // 65025, green * green * ONE // 65025, blue * blue * ONE // 65025
