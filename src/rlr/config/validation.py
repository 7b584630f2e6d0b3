"""Expectations on the manifest, and which of them stop the pipeline."""

from typing import Literal

from pydantic import Field

from rlr.config.section import NotNegative, Section, Share

Severity = Literal["critical", "warning", "off"]


class Severities(Section):
    """What a failed expectation does: stop the pipeline, warn, or nothing."""

    schema_columns: Severity = "critical"
    readable: Severity = "critical"
    size: Severity = "critical"
    mode: Severity = "critical"
    minimum_counts: Severity = "critical"
    duplicate_across_splits: Severity = "critical"
    group_across_splits: Severity = "critical"
    near_duplicate_across_splits: Severity = "warning"
    mask_readable: Severity = "critical"
    mask_size: Severity = "critical"
    mask_not_empty: Severity = "critical"
    mask_absent_for_good: Severity = "critical"
    mask_present_for_defects: Severity = "warning"
    brightness: Severity = "warning"
    sharpness: Severity = "warning"
    class_balance: Severity = "warning"


class ValidationConfig(Section):
    """Limits of the expectations."""

    severity: Severities = Severities()
    min_side: int = Field(32, gt=0, description="Least height and width in pixels.")
    max_side: int = Field(16384, gt=0, description="Greatest height and width in pixels.")
    modes: list[str] = Field(
        ["L", "LA", "P", "RGB", "RGBA", "I;16", "I", "1", "CMYK"],
        description="Colour modes (Pillow's names) that are accepted.",
    )
    min_train_good: int = Field(10, ge=0, description="Least training images a class.")
    min_validation_good: int = Field(0, ge=0, description="Least validation images a class.")
    min_test_good: int = Field(1, ge=0, description="Least normal test images a class.")
    min_test_defective: int = Field(0, ge=0, description="Least defective test images a class.")
    brightness: tuple[float, float] = Field(
        (0.02, 0.98), description="Limits of an image's mean grey value, 0 black to 1 white."
    )
    min_sharpness: NotNegative = Field(
        1e-5, description="Least variance of the Laplacian of the grey image (values 0 to 1)."
    )
    max_imbalance: float = Field(
        20.0, ge=1.0, description="Greatest ratio of training images between two classes."
    )
    near_duplicate_quantile: Share = Field(
        0.001,
        description="A pair across splits nearer than this quantile of the distances within the "
        "training images of its class is reported.",
    )
    max_listed: int = Field(20, gt=0, description="Offending files listed an expectation.")
