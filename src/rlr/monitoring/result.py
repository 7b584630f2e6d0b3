"""What `rlr monitor` finds, as drift.json keeps it. This file needs no torch."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from rlr.config.monitor import MonitorConfig
from rlr.foundation.errors import UserError

DRIFT_FORMAT: Literal[1] = 1
DRIFT_FILE = "drift.json"
REPORT_FILE = "drift.html"
EVERYTHING = ""  # the scope of a test over all classes
Kind = Literal["quiet", "more_defects", "normal_shifted", "too_few_images"]
Measure = Literal["score", "brightness", "sharpness", "features", "defects"]


class NoReferenceError(UserError):
    """The model carries no reference statistics, so nobody can say whether images have drifted."""


class Record(BaseModel):
    """Frozen, complete, and strict about types and unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TestResult(Record):
    """One test of a window.

    Attributes:
        measure: What was compared; `defects` is the share of images above the threshold.
        scope: Product class, or "": all classes, compared within each.
        images: Number of new images.
        statistic: Kolmogorov-Smirnov distance, squared maximum mean discrepancy, or number of
            images above the threshold.
        p_value: Of this test alone.
        adjusted: After Holm's correction over all tests of the window.
        new: Median of the new images' values, or their share above the threshold; None: none.
        reference: The same of the reference.
        significant: Whether the corrected p value is within the false-alarm rate.
    """

    measure: Measure
    scope: str
    images: int
    statistic: float
    p_value: float
    adjusted: float
    new: float | None
    reference: float | None
    significant: bool


class WindowResult(Record):
    """What was found in one window.

    Attributes:
        number: Place of the window, from 1.
        first: Path of its first image.
        last: Path of its last image.
        begins: Capture time of its first image; None: unknown.
        ends: Capture time of its last image; None: unknown.
        images: Number of images.
        above: Number of those above their threshold, or labelled as defective.
        defect_share: Share of those.
        expected_share: Share of normal images that is above the thresholds without any
            drift; None: the model has no normal scores of these classes.
        new_classes: Number of images of each class that the model does not know.
        strange: Number of images, not of such a class, that are unlike all known classes.
        kind: The verdict.
        reasons: What it rests on, in words.
        tests: All tests, those of all classes first.
    """

    number: int
    first: str
    last: str
    begins: str | None
    ends: str | None
    images: int
    above: int
    defect_share: float
    expected_share: float | None
    new_classes: dict[str, int]
    strange: int
    kind: Kind
    reasons: list[str]
    tests: list[TestResult]


class DriftResult(Record):
    """The content of drift.json.

    Attributes:
        format_version: Of this document.
        model: Model that the images were compared with, models:/NAME/VERSION or a folder.
        model_sha256: Of its detector.json.
        model_data_version: Data version that it was trained on.
        images: Number of images compared.
        unreadable: Paths of images that could not be read; they were left out.
        known: Number of images left out because the model's data version holds them.
        drifted: Whether so many of the last windows have shifted that it counts.
        kind: normal_shifted where it has drifted; more_defects where so many windows agree on
            that; too_few_images where there was no window to look at.
        reason: One sentence that names what shifted, or says why it does not count.
        settings: The rules.
        windows: All windows, in order.
    """

    format_version: Literal[1]
    model: str
    model_sha256: str
    model_data_version: str
    images: int
    unreadable: list[str]
    known: int
    drifted: bool
    kind: Kind
    reason: str
    settings: MonitorConfig
    windows: list[WindowResult]
