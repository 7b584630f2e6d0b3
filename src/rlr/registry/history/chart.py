"""The figure: a lane a version, a column an event, bars where a version was champion."""

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from rlr.registry.history.events import Event, Judgement, spans

LEFT, TOP, BOTTOM = 92, 14, 58
COLUMN, LANE = 64, 44
LEAST_WIDTH = 640
BAR = 13
LETTER = 6  # width at most, on the average, in the size of a rule's name
MARKS = {
    "promote": "M-6 0 0 -7 6 0 0 7z",  # to the champion's lane
    "rollback": "M6 -6 -6 0 6 6z",  # back in time
    "adopt": "M-5 -5H5V5H-5z",
    "restore": "M-5 -5H5V5H-5z",
}


def figure(
    model: str,
    events: Sequence[Event],
    lanes: Sequence[str],
    judgements: Mapping[str, Judgement],
) -> Markup:
    """Draw what happened to a model.

    Args:
        model: Its name.
        events: What happened, in the order of time.
        lanes: The versions, from top to bottom.
        judgements: What the gate says of each.
    """
    drawing = _Drawing(events, lanes)
    parts = [
        *(drawing.lane(version) for version in lanes),
        *drawing.bars("previous", "previous", 4),
        *drawing.bars("to", "champion", BAR),
        *(drawing.change(p, e) for p, e in enumerate(events) if e.entry is not None),
        *(drawing.registration(p, e, judgements) for p, e in enumerate(events) if e.entry is None),
        *(drawing.time(place) for place in range(len(events))),
    ]
    return Markup(
        '<svg class="story" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-label="Versions of {2}, what the gate said of them, and which was champion when">'
        "{3}</svg>"
    ).format(drawing.width, drawing.height, model, Markup().join(parts))


class _Drawing:
    def __init__(self, events: Sequence[Event], lanes: Sequence[str]) -> None:
        self.events = events
        self.lanes = {version: place for place, version in enumerate(lanes)}
        self.end = LEFT + COLUMN * len(events)
        self.width = max(self.end + 16, LEAST_WIDTH)
        self.height = TOP + LANE * len(lanes) + BOTTOM

    def x(self, column: float) -> float:
        return LEFT + COLUMN * (column + 0.5)

    def y(self, version: str) -> float:
        return TOP + LANE * (self.lanes[version] + 0.62)

    def lane(self, version: str) -> Markup:
        """The name of a version, and a line from its registration to the end."""
        start = next(
            (p for p, e in enumerate(self.events) if e.entry is None and e.version == version), 0
        )
        return Markup(
            '<text x="{}" y="{}" class="end name">version {}</text>'
            '<path class="life" d="M{} {}H{}"/>'
        ).format(LEFT - 10, self.y(version) + 4, version, self.x(start), self.y(version), self.end)

    def bars(self, field: str, style: str, height: float) -> list[Markup]:
        """Where an alias pointed at a version."""
        bar = Markup(
            '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="{}"><title>version {} was '
            "{}</title></rect>"
        )
        return [
            bar.format(
                style,
                self.x(first),
                self.y(version) - height / 2,
                (self.end if last == len(self.events) else self.x(last)) - self.x(first),
                height,
                height / 2,
                version,
                style,
            )
            for version, first, last in spans(self.events, field)
            if version in self.lanes
        ]

    def registration(self, place: int, event: Event, judgements: Mapping[str, Judgement]) -> Markup:
        """A circle in the colour of what the gate said, and in words which rule decided."""
        if event.version not in self.lanes:
            return Markup()
        found = judgements.get(event.version, Judgement())
        against = {"": "", "none": ", no champion"}.get(
            found.champion, f", against version {found.champion}"
        )
        words = f"{found.outcome}: {found.rule}" if found.outcome else "not judged"
        return Markup(
            '<g><title>version {}, registered {}; gate: {}{}. {}</title><circle class="gate {}" '
            'cx="{}" cy="{}" r="6.5"/><text class="rule{}" x="{}" y="{}">{}</text></g>'
        ).format(
            event.version,
            event.time,
            found.outcome or "not judged",
            against,
            found.sentence,
            found.outcome or "none",
            self.x(place),
            self.y(event.version),
            *self._room_for(words, self.x(place) - 6),
            self.y(event.version) - 13,
            words,
        )

    def _room_for(self, words: str, x: float) -> tuple[str, float]:
        """Where a text begins, or at the right edge, how it ends."""
        if x + LETTER * len(words) < self.width:
            return "", x
        return " end", self.width - 4

    def change(self, place: int, event: Event) -> Markup:
        """A line from the old champion to the new one, and a mark that says how."""
        entry = event.entry or {}
        rows = [self.y(v) for v in (entry["from"], entry["to"]) if v in self.lanes]
        if not rows:
            return Markup()
        style = f"{entry['action']} override" if entry["override"] else entry["action"]
        title = (
            f"entry {entry['number']}, {entry['time']}: {style.replace(' ', ' by ')}, by "
            f"{entry['actor']}. {entry['reason'] or entry['check']}"
        )
        return Markup(
            '<g class="change {}"><title>{}</title><path class="step" d="M{x} {}V{}"/><path '
            'class="mark" transform="translate({x} {})" d="{}"/>{}</g>'
        ).format(
            style,
            title,
            min(rows),
            max(rows),
            rows[-1],
            MARKS[entry["action"]],
            self.number(place, entry),
            x=self.x(place),
        )

    def number(self, place: int, entry: Mapping[str, object]) -> Markup:
        """The number of an entry below its column, and whether it was by word."""
        line = Markup('<text x="{}" y="{}" class="middle number">#{}{}</text>')
        mark = "!" if entry["override"] else ""
        return line.format(self.x(place), self.height - BOTTOM + 22, entry["number"], mark)

    def time(self, place: int) -> Markup:
        """Time of an event below its column, and the date where it is another than before."""
        day, _, clock = self.events[place].time.partition("T")
        before = self.events[place - 1].time.partition("T")[0] if place else ""
        text = Markup('<text x="{}" y="{}" class="middle">{}</text>')
        lines = [text.format(self.x(place), self.height - BOTTOM + 36, clock[:5])]
        if day != before:
            lines.append(text.format(self.x(place), self.height - BOTTOM + 50, day))
        return Markup().join(lines)
