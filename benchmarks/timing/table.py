"""What was measured, as a table to read and as JSON to keep."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from timing.clock import Timing


@dataclass(frozen=True)
class Row:
    """One piece of work, done by several subjects; the first one is the baseline.

    Attributes:
        work: What is done.
        timings: Processor time on one thread, by subject.
        wall: Wall-clock time on two threads, by subject; empty where it was not taken.
        goal: The ratio that is aimed at; None: none.
        operations: Floating-point operations, by subject; where they are known.
        share: What share of the matrix products' peak that is, by subject.
        amounts: What is no time: an amount with its unit, and a ratio, by subject.
        notes: Further figures, for the JSON.
    """

    work: str
    timings: dict[str, Timing]
    wall: dict[str, Timing] = field(default_factory=dict)
    goal: float | None = None
    operations: dict[str, float] = field(default_factory=dict)
    share: dict[str, float] = field(default_factory=dict)
    amounts: dict[str, tuple[str, float]] = field(default_factory=dict)
    notes: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """Return what is written to JSON."""
        return {
            "work": self.work,
            "goal": self.goal,
            "subjects": {
                name: timing.as_dict()
                | ({"wall": self.wall[name].as_dict()} if name in self.wall else {})
                | ({"operations": self.operations[name]} if name in self.operations else {})
                | ({"share_of_peak": self.share[name]} if name in self.share else {})
                for name, timing in self.timings.items()
            },
            "amounts": self.amounts,
            **self.notes,
        }


HEAD = ("work", "subject", "CPU s, 1 thread", "ratio", "range", "wall, 2 threads", "GFLOP", "peak")


def markdown(rows: Sequence[Row]) -> str:
    """Return a Markdown table: a line a subject; ratios are times as fast as the baseline."""
    lines = ["| " + " | ".join(HEAD) + " |", "|---" * len(HEAD) + "|"]
    for row in rows:
        for number, (name, timing) in enumerate(row.timings.items()):
            goal = f" (goal {row.goal:g}x)" if row.goal and not number else ""
            cells = [
                "" if number else row.work + goal,
                name,
                f"{timing.median:.3f}",
                f"{timing.ratio:.2f}x",
                f"{min(timing.ratios):.2f} to {max(timing.ratios):.2f}",
                f"{row.wall[name].ratio:.2f}x" if name in row.wall else "-",
                f"{row.operations[name] / 1e9:.0f}" if name in row.operations else "-",
                f"{row.share[name]:.0%}" if name in row.share else "-",
            ]
            lines.append("| " + " | ".join(cells) + " |")
        for number, (name, (amount, ratio)) in enumerate(row.amounts.items()):
            cells = ["" if number else row.work, name, amount, f"{ratio:.2f}x", *["-"] * 4]
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
