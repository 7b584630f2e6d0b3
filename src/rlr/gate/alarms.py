"""False alarms among normal test images, at the thresholds that the candidate ships with.

Over all classes there are images enough to say something, so there the estimate counts as well: a
rate that is shown to be above the limit rejects, one that is above it but not shown to be leaves
the gate undecided. A class alone has too few images for that; there only a rate that is shown to
be too high speaks, with the level divided by the number of classes (Bonferroni).
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from rlr.config.gate import GateConfig
from rlr.detection.thresholds import clopper_pearson
from rlr.gate.evidence import Evidence
from rlr.gate.result import Finding, Outcome

RULE = "false_positive_rate"

Values = dict[str, float | int | str | None]


def alarm_findings(evidence: Evidence, settings: GateConfig) -> Iterator[Finding]:
    """Yield one finding for all normal test images, and one for each class shown to be above."""
    frame = evidence.ours.frame
    normal = frame[~frame["defective"]]
    limit = _limit(evidence, settings)
    yield _overall(normal, limit, settings)
    classes = normal.groupby("class")
    confidence = 1.0 - (1.0 - settings.confidence) / max(len(classes), 1)
    for name, rows in classes:
        finding = _of_class(str(name), rows, limit, confidence)
        if finding is not None:
            yield finding


def _limit(evidence: Evidence, settings: GateConfig) -> float:
    if settings.false_positive_rate is not None:
        return settings.false_positive_rate
    return min(evidence.threshold_rate + settings.false_positive_tolerance, 1.0)


def _overall(normal: pd.DataFrame, limit: float, settings: GateConfig) -> Finding:
    count, n = _counted(normal)
    if not n:
        sentence = "No normal test image, so the rate of false alarms is not known."
        return _finding("", "inconclusive", sentence, {"n": 0, "limit": limit})
    low, high = clopper_pearson(count, n, settings.confidence)
    outcome, verdict = _judge(count / n, (low, high), limit, settings)
    sentence = f"{_told(count, n, low, high)}: {verdict} the limit of {_percent(limit)}."
    return _finding("", outcome, sentence, _values(count, n, low, high, limit))


def _judge(
    rate: float, interval: tuple[float, float], limit: float, settings: GateConfig
) -> tuple[Outcome, str]:
    low, high = interval
    if low > limit:
        return "reject", "shown to be above"
    if rate > limit:
        return "inconclusive", "above, but on too few images to be sure,"
    if high <= limit:
        return "promote", "shown to be within"
    if settings.false_positive_proof == "below":
        return "inconclusive", "on too few images to be shown within"
    return "promote", "not above"


def _of_class(name: str, rows: pd.DataFrame, limit: float, confidence: float) -> Finding | None:
    count, n = _counted(rows)
    low, high = clopper_pearson(count, n, confidence)
    if low <= limit:
        return None
    sentence = (
        f"{name}: {_told(count, n, low, high)}: shown to be above the limit of {_percent(limit)}."
    )
    return _finding(name, "reject", sentence, _values(count, n, low, high, limit))


def _counted(normal: pd.DataFrame) -> tuple[int, int]:
    return int(np.sum(normal["is_anomalous"].to_numpy(dtype=bool))), len(normal)


def _told(count: int, n: int, low: float, high: float) -> str:
    return (
        f"{count} of {n} normal test images called defective ({_percent(count / n)}, interval "
        f"{_percent(low)} to {_percent(high)})"
    )


def _values(count: int, n: int, low: float, high: float, limit: float) -> Values:
    return {"count": count, "n": n, "rate": count / n, "lower": low, "upper": high, "limit": limit}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _finding(
    subject: str,
    outcome: Outcome,
    sentence: str,
    values: Values,
) -> Finding:
    return Finding(rule=RULE, subject=subject, outcome=outcome, sentence=sentence, values=values)
