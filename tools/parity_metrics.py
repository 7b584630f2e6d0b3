"""Hold the metrics against values of MVTec's evaluation script and of scikit-learn.

The arrays are CASE.scores (N, H, W) and CASE.masks (N, H, W); the values {case: {key: value}}.
Image scores are the greatest of each map. The limit of AUPRO is read from its key.
"""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rlr.evaluation.metrics import Sweep, Values, image_metrics, rank_pixels
from rlr.foundation.documents import read_json
from rlr.foundation.errors import UserError

TOLERANCE = 1e-6
AUPRO_KEY = re.compile(r"aupro_(\d\.\d\d)")
USUAL_LIMITS = (0.30, 0.05)


@dataclass(frozen=True)
class Line:
    """One value of one case; a side that has none is None."""

    case: str
    key: str
    ours: float | None
    reference: float | None
    note: str = ""

    @property
    def error(self) -> float:
        """Absolute difference; infinite where only one side has a value."""
        if self.note:
            return float("inf")
        if self.ours is None or self.reference is None:
            return 0.0 if self.ours is self.reference else float("inf")
        return abs(self.ours - self.reference)

    @property
    def passed(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.error <= TOLERANCE

    def __str__(self) -> str:
        verdict = "ok  " if self.passed else "FAIL"
        note = f" ({self.note})" if self.note else ""
        return (
            f"{verdict} {self.case} {self.key}: ours {self.ours}, reference {self.reference}, "
            f"error {self.error:.2e}{note}"
        )


def compare_metrics(arrays: Path, values: Path) -> Iterator[Line]:
    """Compare all values of all cases, and yield a line each.

    Raises:
        UserError: A file cannot be read.
    """
    reference = read_json(values)
    measured = {}
    try:
        with np.load(arrays) as content:
            cases = sorted({name.rpartition(".")[0] for name in content.files})
            for case in cases:
                expected = reference.get(case, {})
                measured[case] = _measure(
                    content[f"{case}.masks"], content[f"{case}.scores"], _limits(expected)
                )
    except (OSError, ValueError, KeyError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"{arrays}, {values}: not a set of cases ({error}).") from error
    for case in sorted(measured.keys() | reference.keys()):
        yield from _lines(case, measured.get(case, {}), reference.get(case, {}))


def _measure(masks: np.ndarray, maps: np.ndarray, limits: list[float]) -> Values:
    return {
        **Sweep.over(rank_pixels(masks, maps), limits).values("pixel"),
        **image_metrics((masks > 0).any(axis=(1, 2)).astype(int), maps.max(axis=(1, 2))),
    }


def _limits(expected: dict[str, float]) -> list[float]:
    stated = [float(match[1]) for key in expected if (match := AUPRO_KEY.fullmatch(key))]
    return sorted({*stated, *USUAL_LIMITS}, reverse=True)


def _lines(case: str, ours: Values, reference: Values) -> Iterator[Line]:
    if not ours or not reference:
        where = "values" if ours else "arrays"
        yield Line(case, "all", None, None, f"the case is missing in the {where}")
        return
    for key in [*ours, *(key for key in reference if key not in ours)]:
        where = "ours" if key not in ours else "" if key in reference else "the reference"
        note = f"missing in {where}" if where else ""
        yield Line(case, key, ours.get(key), reference.get(key), note)
