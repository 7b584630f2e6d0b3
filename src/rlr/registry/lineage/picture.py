"""A small picture of a lineage: data, run, version and aliases in a row, what they lean on around.

The SVG carries its own style, so that it can stand in a page, in a card and alone, by day and by
night.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from rlr.registry.facts import PARENT_TAG
from rlr.registry.lineage.words import UNKNOWN, brief, changes

BOX_WIDTH, BOX_HEIGHT, LINE = 212, 66, 16
COLUMN, ROW = 252, 92
MARGIN = 6
LETTERS = 31  # of a box's line; more are cut
STYLE = Markup("""
.lineage text { font: 12px -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  fill: #59636d; }
.lineage .head { font-weight: 650; fill: #1c2227; }
.lineage rect { fill: #ffffff; stroke: #dfe3e6; }
.lineage .main rect { stroke: #1d5f8a; stroke-width: 1.5; }
.lineage .arrow { fill: none; stroke: #8a939c; stroke-width: 1.3; }
.lineage .tip { fill: #8a939c; }
@media screen and (prefers-color-scheme: dark) {
  .lineage text { fill: #a5afb8; }
  .lineage .head { fill: #e6e9eb; }
  .lineage rect { fill: #1a1f24; stroke: #323a42; }
  .lineage .main rect { stroke: #7db7de; }
  .lineage .arrow { stroke: #7b858e; }
  .lineage .tip { fill: #7b858e; }
}
""")


@dataclass(frozen=True)
class _Box:
    """A box of the picture.

    Attributes:
        column: Its column, from the left.
        row: Its row: 0 above, 1 in the middle, 2 below.
        head: What it is.
        lines: Two lines about it.
    """

    column: int
    row: int
    head: str
    lines: tuple[str, str]

    @property
    def x(self) -> int:
        return MARGIN + self.column * COLUMN

    @property
    def y(self) -> int:
        return MARGIN + self.row * ROW


def draw_lineage(versions: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw where versions came from, one below the other.

    Args:
        versions: Entries of `versions` in the document of `trace`.

    Returns:
        A complete SVG element.
    """
    height = 2 * ROW + BOX_HEIGHT
    parts = [
        Markup('<g transform="translate(0 {})">{}</g>').format(
            place * (height + ROW // 2), _one(facts)
        )
        for place, facts in enumerate(versions)
    ]
    total = len(versions) * (height + ROW // 2) - ROW // 2 + 2 * MARGIN
    title = "Lineage of " + ", ".join(str(facts["version"]) for facts in versions)
    return Markup(
        '<svg class="lineage" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" role="img" '
        'aria-label="{}"><style>{}</style>{}</svg>\n'
    ).format(3 * COLUMN + BOX_WIDTH + 2 * MARGIN, total, title, STYLE, Markup().join(parts))


def _one(facts: Mapping[str, Any]) -> Markup:
    boxes = list(_boxes(facts))
    data, run, version, aliases = boxes[:4]
    arrows = [_across(data, run), _across(run, version), _across(version, aliases)]
    arrows += [_along(box, run if box.column == run.column else version) for box in boxes[4:]]
    return Markup().join([*arrows, *map(_draw, boxes)])


def _boxes(facts: Mapping[str, Any]) -> Sequence[_Box]:
    data, code, config = facts["data"], facts["code"], facts["configuration"]
    run, gate = facts["run"], facts["gate"]
    seed = UNKNOWN if config["seed"] is None else config["seed"]
    floors = f"floors {facts['floors'] or UNKNOWN}"
    judged = f"against {gate['champion'] or UNKNOWN}" if gate["outcome"] else floors
    remote = "no remote" if data["remote"] == "none" else data["remote"] or UNKNOWN
    parent = facts[PARENT_TAG] or UNKNOWN
    return [
        _Box(0, 1, "Data version", (brief(data["version"]), remote)),
        _Box(1, 1, "Run", (brief(run["id"]), run["started"] or UNKNOWN)),
        _Box(2, 1, facts["version"], (facts["created"] or UNKNOWN, _classes(facts))),
        _Box(3, 1, ", ".join(facts["aliases"]) or "no alias", _reign(facts)),
        _Box(1, 0, "Code", (f"commit {brief(code['commit'])}", changes(code))),
        _Box(1, 2, "Configuration", (config["name"] or UNKNOWN, f"seed {seed}")),
        _Box(2, 0, "Gate", (gate["outcome"] or "no result", judged)),
        _Box(2, 2, "Champion at its training", (parent, "")),
    ]


def _classes(facts: Mapping[str, Any]) -> str:
    count = len((facts["classes"] or "").split(", ")) if facts["classes"] else 0
    return f"{count} class{'' if count == 1 else 'es'}" if count else "classes unknown"


def _reign(facts: Mapping[str, Any]) -> tuple[str, str]:
    times = facts["champion_times"]
    if not times:
        return "never champion", ""
    until = times[-1]["until"]
    return f"champion from {times[-1]['from'][:16]}", f"to {until[:16]}" if until else "to today"


def _draw(box: _Box) -> Markup:
    style = "box main" if box.row == 1 else "box"
    lines = [("head", box.head), ("", box.lines[0]), ("", box.lines[1])]
    texts = [
        Markup('<text class="{}" x="{}" y="{}">{}</text>').format(
            name, box.x + 12, box.y + 21 + LINE * place + (2 if place else 0), _cut(text)
        )
        for place, (name, text) in enumerate(lines)
    ]
    frame = Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="7"/>').format(
        box.x, box.y, BOX_WIDTH, BOX_HEIGHT
    )
    full = Markup("<title>{}</title>").format("\n".join(text for _, text in lines))
    return Markup('<g class="{}">{}{}{}</g>').format(style, full, frame, Markup().join(texts))


def _across(left: _Box, right: _Box) -> Markup:
    middle = left.y + BOX_HEIGHT / 2
    return _arrow(left.x + BOX_WIDTH, middle, right.x, middle, "-9 -4.5v9l9 -4.5z")


def _along(box: _Box, target: _Box) -> Markup:
    """Draw from a box above or below to the one in the middle row."""
    x = box.x + BOX_WIDTH / 2
    if box.row < target.row:
        return _arrow(x, box.y + BOX_HEIGHT, x, target.y, "-4.5 -9h9l-4.5 9z")
    return _arrow(x, box.y, x, target.y + BOX_HEIGHT, "-4.5 9h9l-4.5 -9z")


def _arrow(x1: float, y1: float, x2: float, y2: float, tip: str) -> Markup:
    return Markup('<path class="arrow" d="M{} {}L{} {}"/><path class="tip" d="M{} {}m{}"/>').format(
        x1, y1, x2, y2, x2, y2, tip
    )


def _cut(text: str) -> str:
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}\u2026"
