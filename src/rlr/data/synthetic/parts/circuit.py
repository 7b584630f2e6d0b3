"""Populated circuit board under a fixed camera: it fills the picture and moves only a little."""

from dataclasses import dataclass

from rlr.data.synthetic.draw import Draw
from rlr.data.synthetic.fixed import ONE, RELIEF, SHIFT, SIDE, TURN
from rlr.data.synthetic.flaws.bodies import crumb, fibre
from rlr.data.synthetic.flaws.flaw import Flaw
from rlr.data.synthetic.flaws.marks import scratch
from rlr.data.synthetic.light import Rig
from rlr.data.synthetic.noise import cloud, clouds
from rlr.data.synthetic.parts.board import COPPER_UNDER_MASK, TIN, Board
from rlr.data.synthetic.parts.components import (
    CERAMIC,
    EPOXY,
    bridge,
    chip,
    chip_pads,
    controller,
    crystal,
    electrolytic,
    label,
)
from rlr.data.synthetic.parts.part import Part, anywhere
from rlr.data.synthetic.shapes import Canvas, Point, Pose
from rlr.data.synthetic.surface import Surface, plain, rgb

MASK, BARE_COPPER = rgb("0f4a30"), rgb("c08a58")
QUARTER = TURN // 4


@dataclass(frozen=True)
class Chip:
    """A two-terminal chip: its place, its turn, and its value ("" is a capacitor)."""

    at: Point
    angle: int
    text: str


CHIPS = {
    "R1": Chip((-5200, 3300), 0, "472"),
    "R2": Chip((-5200, 4700), 0, "103"),
    "R3": Chip((-5200, 6100), 0, "221"),
    "R4": Chip((700, 3500), QUARTER, "103"),
    "C1": Chip((-1900, 3500), QUARTER, ""),
    "C2": Chip((-600, 3500), QUARTER, ""),
    "C3": Chip((5600, -700), 0, ""),
}
CONTROLLER, CRYSTAL, ELECTROLYTIC = (0, -2600), (5000, 4100), (5700, -3200)
LABELS = {
    "R1": (-7000, 3300), "R2": (-7000, 4700), "R3": (-7000, 6100), "R4": (700, 5100),
    "C1": (-1900, 5100), "C2": (-600, 5100), "C3": (5600, 200), "C4": (3500, -3900),
    "U1": (-3400, -2600), "Q1": (5000, 5400),
}  # fmt: skip
VIAS = (
    (-3300, -6700), (900, -7700), (3200, -6000), (4500, -6900), (7000, -5000), (2700, 1900),
    (-7600, 1200), (-3300, 7700), (4200, 6900), (-6900, -2800), (7300, 1500), (-3000, 700),
    (-5600, -800), (-5300, -4700), (3000, 7600),
)  # fmt: skip
TRACES = (
    ((-3000, 700), (-3000, 1700), (-4300, 3000), (-4300, 3300)),
    ((-6200, 3300), (-7600, 1900), (-7600, -6000), (-6500, -7200), (-3000, -7200)),
    ((-1980, -4600), (-1980, -5600), (-3080, -6700), (-9000, -6700)),
    ((-1320, -4600), (-1320, -6300), (-2200, -7200), (-2200, -9500)),
    ((-660, -4600), (-660, -6100), (900, -7700), (9000, -7700)),
    ((0, -4600), (0, -5900), (1000, -6900), (9000, -6900)),
    ((660, -4600), (660, -5600), (1100, -6000), (9000, -6000)),
    ((-660, -600), (-660, 1000), (-1900, 2240), (-1900, 2700)),
    ((0, -600), (0, 1600), (-600, 2200), (-600, 2700)),
    ((660, -600), (660, 2700)),
    ((1320, -600), (1320, 900), (2700, 2280), (2700, 3400), (3400, 4100)),
    ((1980, -600), (1980, 300), (3300, 1620), (4840, 80), (4840, -700)),
    ((-1320, -600), (-1320, 300), (-5600, 300), (-5600, -800)),
    ((-6900, -2800), (-5300, -4400), (-5300, -9000)),
    ((700, 4300), (700, 5600), (2000, 6900), (9000, 6900)),
    ((-600, 4300), (-600, 6300), (-2000, 7700), (-9000, 7700)),
    ((-1900, 4300), (-1900, 5200), (-2800, 6100), (-4400, 6100)),
    ((-5900, 4700), (-9000, 4700)),
    ((-5900, 6100), (-9000, 6100)),
    ((6400, -700), (9000, -700)),
    ((5600, -3000), (5600, -5000), (9000, -5000)),
    ((6500, 4100), (7300, 3300), (7300, 1500)),
)


def build(canvas: Canvas, draw: Draw, flaw: Flaw) -> Surface:
    """Etch a board, populate it, then spoil it."""
    pose = Pose(
        SIDE // 2 + draw.integer(-330, 330),
        SIDE // 2 + draw.integer(-330, 330),
        draw.integer(-28, 28),
        ONE + draw.integer(-80, 80),
    )
    surface = plain(canvas, MASK, gloss=ONE // 5)
    board = Board(surface, pose, *pose.local(canvas.x, canvas.y))
    _etch(board, draw)
    _populate(board, draw, flaw)
    _spoil(board, flaw)
    return surface


def _etch(board: Board, draw: Draw) -> None:
    surface, n = board.surface, board.surface.canvas.n
    copper = board.copper(TRACES)
    weave = cloud(draw.child("weave"), n, SIDE // 70)
    surface.height += (weave * 3 + copper * 14) * RELIEF >> SHIFT
    surface.paint(copper, COPPER_UNDER_MASK)
    surface.tint(clouds(draw.child("mask"), n, SIDE // 3, 4) // 6 + weave // 16)
    for at in VIAS:
        board.via(at)
    board.outline(CONTROLLER, 2620, 950)
    board.outline(CRYSTAL, 1750, 900)
    for name, at in LABELS.items():
        label(board.spot(at, 700), name)


def _populate(board: Board, draw: Draw, flaw: Flaw) -> None:
    concerned = flaw.draw.choice(sorted(CHIPS))
    for name, one in CHIPS.items():
        chip_pads(board.spot(one.at, 1500, one.angle), draw.child(name))
        kind = flaw.kind if name == concerned else ""
        if kind != "missing":
            _place(board, one, draw.child("place", name), flaw.draw, kind)
    controller(board.spot(CONTROLLER, 4000), draw.child("controller"))
    crystal(board.spot(CRYSTAL, 2300))
    electrolytic(board.spot(ELECTROLYTIC, 2300, draw.integer(-40, 40)))


def _place(board: Board, one: Chip, draw: Draw, flaw_draw: Draw, kind: str) -> None:
    """Put a chip on its pads, with the machine's small error or a large one."""
    dx, dy, turn = draw.integer(-45, 45), draw.integer(-45, 45), draw.integer(-15, 15)
    if kind == "misplaced":
        dx, dy = dx + flaw_draw.integer(-300, 300), dy + flaw_draw.integer(-300, 300)
        turn += flaw_draw.choice((-1, 1)) * flaw_draw.integer(TURN // 30, TURN // 9)
    is_resistor = bool(one.text) != (kind == "wrong_part")
    text = (one.text or "104") if is_resistor else ""
    spot = board.spot((one.at[0] + dx, one.at[1] + dy), 1500, one.angle + turn)
    chip(spot, EPOXY if is_resistor else CERAMIC, text)


def _spoil(board: Board, flaw: Flaw) -> None:
    draw, surface = flaw.draw, board.surface
    match flaw.kind:
        case "bridge":
            bridge(board.spot(CONTROLLER, 4000), draw)
        case "scratch":
            scratch(surface, draw, anywhere(draw), BARE_COPPER, 30)
        case "contamination":
            if draw.chance(ONE // 2):
                fibre(surface, draw, anywhere(draw), rgb("d8d4c8"))
            else:
                crumb(surface, draw, anywhere(draw), draw.integer(180, 340), TIN, ONE * 3 // 4)


CIRCUIT = Part(
    name="circuit",
    rig=Rig(elevation=2800, lamp=4100, room=1400, sharpness=5),
    defects=("missing", "misplaced", "wrong_part", "bridge", "scratch", "contamination"),
    build=build,
)
