"""Printed characters, three dots wide and five high."""

import functools

import numpy as np

from rlr.data.synthetic.fixed import ONE, Plane, clamp

_GLYPHS = {
    "0": "75557", "1": "26227", "2": "71747", "3": "71717", "4": "55711", "5": "74717",
    "6": "74757", "7": "71222", "8": "75757", "9": "75717", "C": "34443", "D": "65556",
    "J": "11152", "L": "44447", "Q": "25563", "R": "65655", "U": "55557",
    "-": "00700", ".": "00002",
}  # fmt: skip
_ROWS = 5
_ADVANCE = 4


def text_cover(u: Plane, v: Plane, text: str, dot: int) -> Plane:
    """Return where a line of text, centred on the origin, covers the plane.

    Args:
        u: Coordinate along the line, lengths.
        v: Coordinate across it, downwards.
        text: Characters of the small font.
        dot: Width of a dot, a length.

    Returns:
        Plane of 0 and ONE.
    """
    dots = _dots(text)
    height, width = dots.shape
    column = (u + width * dot // 2) // dot + 1
    row = (v + height * dot // 2) // dot + 1
    framed: Plane = np.pad(dots, 1)
    return framed[clamp(row, 0, height + 1), clamp(column, 0, width + 1)]


@functools.cache
def _dots(text: str) -> Plane:
    dots = np.zeros((_ROWS, _ADVANCE * len(text)), dtype=np.int32)
    for place, character in enumerate(text):
        for row, digit in enumerate(_GLYPHS[character]):
            for column in range(3):
                if int(digit, 8) >> (2 - column) & 1:
                    dots[row, place * _ADVANCE + column] = ONE
    return dots
