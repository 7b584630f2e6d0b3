"""The one metric that promotes."""

from rlr.config.gate import GateConfig
from rlr.gate.comparison import Comparison
from rlr.gate.difference import Difference
from rlr.gate.result import Finding, Outcome

RULE = "primary"
IDENTICAL = "the two models say exactly the same of every image"
NO_WIDTH = (
    "no image tells the models apart, so the interval is the rule of three's: what so few "
    "images do not rule out"
)


def flag_of(difference: Difference) -> str:
    """Return what has to be known of an interval; "" if nothing."""
    if difference.has_width:
        return ""
    return NO_WIDTH if difference.blind else IDENTICAL


def primary_finding(comparison: Comparison, settings: GateConfig) -> Finding:
    """Judge the difference of the primary metric by its interval."""
    if comparison.primary is None:
        return Finding(
            rule=RULE,
            subject="",
            outcome="inconclusive",
            sentence="No class can be compared with the champion: "
            + ("; ".join(f"{k}: {v}" for k, v in comparison.left_out.items()) or "no images")
            + ".",
            values={},
        )
    return _judge(comparison.primary, comparison, settings)


def _judge(difference: Difference, comparison: Comparison, settings: GateConfig) -> Finding:
    ends, margin = difference.interval(), settings.primary_margin
    outcome, verdict = _verdict(ends.lower, ends.upper, margin)
    subject = " and ".join(comparison.primary_metrics)
    flag = flag_of(difference)
    note = f" ({flag})" if flag else ""
    return Finding(
        rule=RULE,
        subject=subject,
        outcome=outcome,
        sentence=f"Mean of {subject} over {len(comparison.classes)} classes {ends.estimate:+.4f}, "
        f"interval {ends.lower:+.4f} to {ends.upper:+.4f}: {verdict}{note}.",
        values={
            "estimate": ends.estimate,
            "lower": ends.lower,
            "upper": ends.upper,
            "margin": margin,
            "deciding_images": difference.deciding,
            "seed_deviation": difference.seed_deviation,
            "flag": flag,
        },
    )


def _verdict(lower: float, upper: float, margin: float) -> tuple[Outcome, str]:
    if lower > margin:
        better = f"better by more than {margin:g}" if margin > 0 else "better"
        worse = f"not worse by {-margin:g} or more"
        return "promote", f"shown to be {better if margin >= 0 else worse}"
    if upper < -abs(margin):
        return "reject", "shown to be worse" + (f" by more than {abs(margin):g}" if margin else "")
    asked = f"above {margin:g}" if margin else "better"
    return "inconclusive", f"not shown to be {asked}"
