"""No class may pay for the others: the primary metrics of each class, one by one.

All classes and primary metrics are one family of tests, and Holm's procedure keeps the chance of
rejecting any equal model at the level of one test.

Source: Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
Statistics 6 (1979).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rlr.config.gate import GateConfig
from rlr.gate.comparison import Comparison
from rlr.gate.difference import Difference
from rlr.gate.result import Finding

RULE = "class"


@dataclass(frozen=True)
class _Test:
    """One class and metric, with its place in Holm's order."""

    class_name: str
    metric: str
    difference: Difference
    chance: float  # that the difference is not below -margin
    level: float  # that it must fall below to be shown worse
    shown: bool


def class_findings(comparison: Comparison, settings: GateConfig) -> Iterator[Finding]:
    """Yield a finding for each class and metric that is worse, else one for all of them."""
    margin = settings.class_margin
    tests = _holm(comparison, margin)
    found = [finding for test in tests if (finding := _judge(test, margin)) is not None]
    yield from found
    if tests and not found:
        worst = min(tests, key=lambda test: test.difference.estimate)
        yield Finding(
            rule=RULE,
            subject="",
            outcome="promote",
            sentence=f"No class is worse by more than {margin:g}; the least difference is "
            f"{worst.difference.estimate:+.4f} ({worst.class_name}, {worst.metric}).",
            values={"margin": margin, "tests": len(tests)},
        )


def _holm(comparison: Comparison, margin: float) -> list[_Test]:
    family = [
        (difference.chance_above(-margin), name, metric, difference)
        for name, found in comparison.classes.items()
        for metric in comparison.primary_metrics
        if (difference := found.get(metric)) is not None
    ]
    family.sort(key=lambda entry: entry[:3])
    tests, shown = [], True
    for rank, (chance, name, metric, difference) in enumerate(family):
        level = difference.tail / (len(family) - rank)
        shown = shown and chance < level
        tests.append(_Test(name, metric, difference, chance, level, shown))
    return tests


def _judge(test: _Test, margin: float) -> Finding | None:
    difference = test.difference
    if not test.shown and difference.estimate >= -margin:
        return None
    upper = difference.upper(test.level)
    told = (
        f"{test.class_name}: {test.metric} {difference.estimate:+.4f}, at most {upper:+.4f} "
        f"after Holm's correction"
    )
    verdict = "shown to be worse" if test.shown else "looks worse, but is not shown to be,"
    return Finding(
        rule=RULE,
        subject=test.class_name,
        outcome="reject" if test.shown else "inconclusive",
        sentence=f"{told}: {verdict} by more than {margin:g}.",
        values={
            "metric": test.metric,
            "estimate": difference.estimate,
            "upper": upper,
            "level": test.level,
            "chance": test.chance,
            "margin": margin,
        },
    )
