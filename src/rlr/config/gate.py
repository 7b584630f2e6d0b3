"""When a candidate takes the champion's place."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlr.config.section import NotNegative, Positive, Section, Share

Preset = Literal["improve", "refresh"]
Metric = Literal[
    "image_auroc", "image_ap", "image_f1max", "pixel_auroc", "pixel_ap", "pixel_f1max", "aupro"
]

PRESET_MARGINS: dict[Preset, float] = {"improve": 0.0, "refresh": -0.01}


class GateConfig(Section):
    """Rules of the gate. Test images decide here, and choose nothing else."""

    preset: Preset = Field(
        "improve",
        description="improve: the candidate must be shown to be better; refresh: that it is not "
        "worse by more than a point, for new classes or after drift. It sets `margin` where that "
        "is null.",
    )
    promote: bool = Field(
        True,
        description="Whether a pipeline moves the alias `champion` where the gate says promote; "
        "false: it is left to `rlr registry promote`.",
    )
    primary: list[Metric] = Field(
        ["image_auroc", "aupro"],
        min_length=1,
        description="Metrics whose means over classes are averaged to the one that decides; "
        "aupro: to the first of `evaluation.aupro_limits`.",
    )
    margin: Annotated[float, Field(gt=-1.0, lt=1.0)] | None = Field(
        None,
        description="What the lower end of the primary difference must exceed; null: 0 for "
        "improve, -0.01 for refresh.",
    )
    class_margin: NotNegative = Field(
        0.03, description="By how much a metric of a single class may be worse than the champion's."
    )
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = Field(
        0.95, description="Level of the intervals, two-sided."
    )
    draws: Annotated[int, Field(ge=100)] = Field(
        2000, description="Draws of the paired bootstrap over images."
    )
    bins: Annotated[int, Field(ge=32)] = Field(
        2000, description="Bins that the pixels of a class are counted in, for the draws alone."
    )
    least_images: Annotated[int, Field(ge=2)] = Field(
        2,
        description="Normal and defective images (groups, where several show one part) that a "
        "class must have at least to be compared; below, it counts against floors only.",
    )
    false_positive_rate: Share | None = Field(
        None,
        description="Greatest share of normal test images called defective; null: the rate of the "
        "thresholds plus `false_positive_tolerance`.",
    )
    false_positive_tolerance: Share = Field(
        0.05, description="Added to the rate of the thresholds, which are set from few images."
    )
    false_positive_proof: Literal["not_above", "below"] = Field(
        "not_above",
        description="not_above: a rate passes that is not above its limit; below: only one whose "
        "whole interval is below it, which takes many normal test images.",
    )
    seconds_per_image: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="Longest time for an image, as the gate measures it; null: no limit."
    )
    artifact_mebibytes: Annotated[float, Field(gt=0.0)] | None = Field(
        None, description="Greatest size of a detector's files together; null: no limit."
    )
    disagreements: Annotated[int, Field(ge=0)] = Field(
        12, description="Images shown on which the two models disagree most."
    )
    timed_batches: Positive = Field(
        5, description="Batches that are timed; their median counts, and a first one does not."
    )
    seeds: Positive = Field(
        1,
        description="Candidates trained, with seeds one after another; from 2 on the variance "
        "between them is added to the intervals.",
    )

    @model_validator(mode="after")
    def _distinct(self) -> "GateConfig":
        if len(set(self.primary)) < len(self.primary):
            raise ValueError("a primary metric is named twice")
        return self

    @property
    def primary_margin(self) -> float:
        """What the lower end of the primary difference must exceed."""
        return PRESET_MARGINS[self.preset] if self.margin is None else self.margin
