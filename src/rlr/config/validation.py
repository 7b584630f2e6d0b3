"""Expectations on the manifest, and which of them stop the pipeline."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from rlr.config.section import NotNegative, Section, Share

Severity = Literal["critical", "warning", "off"]


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"the lower limit {limits[0]:g} is above the upper one {limits[1]:g}")
    return limits


Limits = Annotated[tuple[Share, Share], AfterValidator(_ordered)]


class Severities(Section):
    """What a failed expectation does: stop the pipeline, warn, or nothing.

    The first two are always critical: on another table nothing else can be judged.
    """

    schema_columns: Literal["critical"] = Field(
        "critical", description="The table has a manifest's columns, and rows."
    )
    schema_values: Literal["critical"] = Field(
        "critical", description="Required cells are filled, splits known, paths unique."
    )
    readable: Severity = Field("critical", description="Every image can be decoded.")
    size: Severity = Field("critical", description="Width and height are inside limits.")
    mode: Severity = Field("critical", description="Colour modes are accepted ones.")
    label_of_split: Severity = Field(
        "critical", description="Training is on good images; test images are judged."
    )
    minimum_counts: Severity = Field("critical", description="Classes have images enough.")
    duplicate_across_splits: Severity = Field(
        "critical", description="No bytes and no decoded pixels stand in two splits."
    )
    group_across_splits: Severity = Field(
        "critical", description="No physical part stands in two splits."
    )
    near_duplicate_across_splits: Severity = Field(
        "warning", description="No image is almost one of another split; aligned parts are alike."
    )
    mask_readable: Severity = Field("critical", description="Every mask can be decoded.")
    mask_size: Severity = Field("critical", description="Masks are of their image's size.")
    mask_not_empty: Severity = Field("critical", description="Masks of defects mark something.")
    mask_absent_for_good: Severity = Field(
        "critical", description="Masks of good images mark nothing."
    )
    mask_present_for_defects: Severity = Field(
        "warning", description="Where a class has masks, each of its defective images has one."
    )
    brightness: Severity = Field("warning", description="Mean grey values are inside limits.")
    sharpness: Severity = Field("warning", description="Images are not blurred, nor of one colour.")
    class_balance: Severity = Field("warning", description="No class is much smaller than another.")


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
    brightness: Limits = Field(
        (0.02, 0.98), description="Limits of an image's mean grey value, 0 black to 1 white."
    )
    min_sharpness: NotNegative = Field(
        5e-5,
        description="Least variance of the Laplacian of the grey image (values 0 to 1); rounding "
        "to eight bits alone gives 2e-5, sharp images of parts 4e-4 and more.",
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
