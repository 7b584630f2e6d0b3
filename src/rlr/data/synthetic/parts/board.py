"""Building on a circuit board: solid blocks, solder, print, copper under the mask."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from rlr.data.synthetic.fixed import ONE, RELIEF, Plane, distance, mix, ramp, smooth
from rlr.data.synthetic.paths import to_piece
from rlr.data.synthetic.shapes import Point, Pose, Window, box
from rlr.data.synthetic.surface import Colour, Surface, rgb

TIN = rgb("b9bbbd")
WHITE_INK = rgb("dfe2dc")
COPPER_UNDER_MASK = rgb("1c6241")
DRILLED = rgb("14181a")
_TRACE = 110  # half the width of a copper trace


@dataclass(frozen=True)
class Spot:
    """The surroundings of one place of the board, in coordinates of their own.

    Attributes:
        surface: The whole board.
        window: The samples near the place.
        u: Place along the component, a length.
        v: Place across it.
    """

    surface: Surface
    window: Window
    u: Plane
    v: Plane

    def block(
        self, inside: Plane, colour: Colour, height: int, bevel: int, gloss: int = 0, metal: int = 0
    ) -> Plane:
        """Put a solid body on the board.

        Args:
            inside: Distance to the outline, positive inside.
            colour: Its colour.
            height: Height of its top over the board, a length.
            bevel: Width of its rounded edge, a length.
            gloss: Shine of its varnish.
            metal: Share of the light that it mirrors.

        Returns:
            The share of each sample that it covers.
        """
        cover = self.surface.canvas.cover(inside)
        top = smooth(ramp(inside, -40, bevel))
        relief = self.surface.height
        relief[self.window] = mix(relief[self.window], height * RELIEF, top)
        self.surface.paint(cover, colour, self.window)
        self.surface.finish(cover, gloss, metal, self.window)
        return cover

    def solder(self, inside: Plane, height: int) -> None:
        """Let solder flow: a round metal bead."""
        self.block(inside, TIN, height, 170, metal=ONE * 3 // 4)

    def print(self, cover: Plane, colour: Colour = WHITE_INK) -> None:
        """Print matt ink."""
        self.surface.paint(cover, colour, self.window)
        self.surface.finish(cover, window=self.window)

    def cover(self, inside: Plane) -> Plane:
        """Return the share of each sample that lies in a shape."""
        return self.surface.canvas.cover(inside)


@dataclass(frozen=True)
class Board:
    """A board under the camera.

    Attributes:
        surface: Its surface.
        pose: How it lies.
        u: Each sample's place on the board.
        v: The other coordinate.
    """

    surface: Surface
    pose: Pose
    u: Plane
    v: Plane

    def spot(self, at: Point, reach: int, angle: int = 0) -> Spot:
        """Return the surroundings of a place, turned by an angle."""
        window = self.surface.canvas.around(self.pose.place(*at), reach)
        u, v = Pose(at[0], at[1], angle).local(self.u[window], self.v[window])
        return Spot(self.surface, window, u, v)

    def copper(self, traces: Sequence[Sequence[Point]]) -> Plane:
        """Return where copper runs under the solder mask, a share with soft edges."""
        copper = self.surface.canvas.zeros()
        for trace in traces:
            for start, end in pairwise(trace):
                window = self._window_of(start, end)
                far, _ = to_piece(self.u[window], self.v[window], start, end)
                edge = smooth(ramp(_TRACE - far, -50, 60))
                copper[window] = np.maximum(copper[window], edge)
        return copper

    def via(self, at: Point) -> None:
        """Drill a plated hole."""
        spot = self.spot(at, 500)
        radius = distance(spot.u, spot.v)
        spot.block(205 - radius, TIN, 40, 60, metal=ONE // 2)
        spot.print(spot.cover(90 - radius), DRILLED)

    def outline(self, at: Point, half_u: int, half_v: int) -> None:
        """Print a white frame."""
        spot = self.spot(at, max(half_u, half_v) * 3 // 2)
        line = 42 - np.abs(box(spot.u, spot.v, half_u, half_v, 60))
        spot.print(spot.cover(line) * 7 >> 3)

    def _window_of(self, start: Point, end: Point) -> Window:
        corners = [self.pose.place(*point) for point in (start, end)]
        low = min(x for x, _ in corners) - 400, min(y for _, y in corners) - 400
        high = max(x for x, _ in corners) + 400, max(y for _, y in corners) + 400
        return self.surface.canvas.window(low, high)
