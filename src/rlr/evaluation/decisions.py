"""What the thresholds do on test images: false alarms among normal ones, defects found."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from rlr.detection.thresholds import Threshold, clopper_pearson

if TYPE_CHECKING:
    from rlr.detection.detector import Detector

EVERY_CLASS = "All classes, each by its own threshold"
UNKNOWN_CLASS = "All classes, by the threshold for an unknown class"


@dataclass(frozen=True)
class Share:
    """A share that was counted, with its Clopper-Pearson interval; None where nothing was.

    Attributes:
        count: Hits.
        n: Trials.
        rate: count / n.
        low: Lower end of the interval.
        high: Upper end.
    """

    count: int
    n: int
    rate: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, hits: pd.Series, confidence: float) -> "Share":
        count, n = int(hits.sum()), len(hits)
        if not n:
            return cls(0, 0, None, None, None)
        return cls(count, n, count / n, *clopper_pearson(count, n, confidence))


@dataclass(frozen=True)
class Decisions:
    """What one threshold, or one a class, did.

    Attributes:
        name: The class, or which images by which threshold.
        threshold: The threshold; None where each class has its own.
        target_rate: False-positive rate that was asked for.
        false_alarms: Normal test images that were called defective.
        found: Defective test images that were called defective.
    """

    name: str
    threshold: Threshold | None
    target_rate: float
    false_alarms: Share
    found: Share

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as plain values, for a JSON document."""
        threshold = self.threshold and self.threshold.model_dump(mode="json")
        return {**asdict(self), "threshold": threshold}


def judge_decisions(
    detector: "Detector", frame: pd.DataFrame, confidence: float
) -> list[Decisions]:
    """Count false alarms and found defects: per class, together, and by the global threshold.

    Args:
        detector: Whose thresholds they are.
        frame: Scored test images: class, defective, image_score, is_anomalous.
        confidence: Level of the intervals.

    Returns:
        One entry a class in order of name, then `EVERY_CLASS` and `UNKNOWN_CLASS`.
    """
    return list(_entries(detector, frame, confidence))


def _entries(detector: "Detector", frame: pd.DataFrame, confidence: float) -> Iterator[Decisions]:
    overall = detector.image_threshold(None)
    known = set(detector.spec.classes)
    for name, rows in frame.groupby("class"):
        own = detector.image_threshold(str(name)) if name in known else overall
        yield _count(str(name), own, own.rate, rows, rows["is_anomalous"], confidence)
    yield _count(EVERY_CLASS, None, overall.rate, frame, frame["is_anomalous"], confidence)
    called = frame["image_score"] > overall.value
    yield _count(UNKNOWN_CLASS, overall, overall.rate, frame, called, confidence)


def _count(
    name: str,
    threshold: Threshold | None,
    rate: float,
    rows: pd.DataFrame,
    called: pd.Series,
    confidence: float,
) -> Decisions:
    defective = rows["defective"]
    return Decisions(
        name,
        threshold,
        rate,
        Share.of(called[~defective], confidence),
        Share.of(called[defective], confidence),
    )
