"""What is soldered to the board, each drawn on a spot of its own."""

import numpy as np

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, SIDE, distance, times
from rlr.data.synthetic.lettering import text_cover
from rlr.data.synthetic.noise import cloud
from rlr.data.synthetic.parts.board import TIN, Spot
from rlr.data.synthetic.shapes import box
from rlr.data.synthetic.surface import Colour, rgb

EPOXY, CERAMIC, STEEL = rgb("2c2c2f"), rgb("8f6843"), rgb("bcbcb8")
LASER, BLACK_INK = rgb("8c8f91"), rgb("34363a")

CHIP_U, CHIP_V = 760, 400  # half length and half width of a two-terminal chip
PITCH, PINS = 660, 7  # of the controller's pins, on each side
CONTROLLER_U, CONTROLLER_V = 2450, 1250


def chip_pads(spot: Spot, draw: Draw) -> None:
    """Solder paste on two pads, melted, whether or not a chip lies on it."""
    for side in (-1, 1):
        inside = box(spot.u - side * (CHIP_U + 60), spot.v, 300, CHIP_V + 60, 90)
        spot.solder(inside, 90 + draw.integer(-20, 40))


def chip(spot: Spot, body: Colour, text: str) -> None:
    """A resistor (black, with its value) or a capacitor (ceramic, with none)."""
    inside = box(spot.u, spot.v, CHIP_U, CHIP_V, 50)
    cover = spot.block(inside, TIN, 360, 70, metal=ONE * 5 // 8)
    middle = times(cover, spot.cover(CHIP_U - 210 - np.abs(spot.u)))
    spot.print(middle, body)
    spot.print(times(middle, text_cover(spot.u, spot.v, text, 84)))


def controller(spot: Spot, draw: Draw) -> None:
    """A fourteen-pin package with laser print."""
    for pin in range(PINS):
        u = spot.u - (pin - PINS // 2) * PITCH
        for side in (-1, 1):
            spot.solder(box(u, spot.v - side * (CONTROLLER_V + 560), 190, 330, 80), 60)
            leg = box(u, spot.v - side * (CONTROLLER_V + 260), 130, 420, 40)
            spot.block(leg, TIN, 150, 60, metal=ONE * 3 // 4)
    cover = spot.block(
        box(spot.u, spot.v, CONTROLLER_U, CONTROLLER_V, 60), EPOXY, 620, 130, ONE // 8
    )
    rough = cloud(draw, spot.surface.canvas.n, SIDE // 320)[spot.window]
    spot.surface.tint(times(rough // 8, cover), spot.window)
    spot.surface.height[spot.window] += times(rough, cover)
    dimple = spot.cover(190 - distance(spot.u + 1950, spot.v - 750))
    spot.surface.raise_by(dimple, -60, spot.window)
    spot.print(text_cover(spot.u + 100, spot.v + 330, "RLR-20", 130) * 5 >> 3, LASER)
    spot.print(text_cover(spot.u + 300, spot.v - 560, "2403", 110) * 5 >> 3, LASER)


def bridge(spot: Spot, draw: Draw) -> None:
    """Solder that joins two neighbouring pins of the controller."""
    pin, side = draw.integer(0, PINS - 2), draw.choice((-1, 1))
    u = spot.u - (2 * pin + 1 - PINS + 1) * PITCH // 2
    v = spot.v - side * (CONTROLLER_V + draw.integer(420, 640))
    spot.solder(box(u, v, PITCH // 2 + 60, draw.integer(130, 240), 120), draw.integer(170, 260))


def crystal(spot: Spot) -> None:
    """A quartz in a drawn steel can."""
    spot.block(box(spot.u, spot.v, 1500, 640, 620), STEEL, 120, 60, metal=ONE * 3 // 4)
    spot.block(box(spot.u, spot.v, 1350, 500, 490), STEEL, 430, 210, metal=ONE * 7 // 8)
    spot.print(text_cover(spot.u, spot.v, "8.00", 115) * 5 >> 3, BLACK_INK)


def electrolytic(spot: Spot) -> None:
    """An aluminium can on a black base, its negative side marked."""
    spot.block(box(spot.u, spot.v, 1420, 1420, 160), EPOXY, 160, 60, ONE // 8)
    radius = distance(spot.u, spot.v)
    spot.block(1300 - radius, STEEL, 950, 170, metal=ONE * 3 // 4)
    spot.print(times(spot.cover(-spot.u - 620), spot.cover(1160 - radius)), BLACK_INK)


def label(spot: Spot, text: str) -> None:
    """The component's name beside it."""
    spot.print(text_cover(spot.u, spot.v, text, 88) * 7 >> 3)
