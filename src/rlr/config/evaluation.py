"""Protocols, metrics and the report."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlr.config.section import Positive, Section


class EvaluationConfig(Section):
    """What is measured on the test images, and what the report shows."""

    protocols: list[Literal["default", "published", "standard"]] = Field(
        ["default", "published"],
        min_length=1,
        description="default: one smoothing for image and pixel scores, masks at their native "
        "size; published: pixel metrics before the smoothing, at the input size; standard: after "
        "it, at 256x256, as papers compare multi-class methods.",
    )
    aupro_limits: list[Annotated[float, Field(gt=0.0, le=1.0)]] = Field(
        [0.30, 0.05], min_length=1, description="False-positive rates AUPRO is integrated to."
    )
    baseline: bool = Field(True, description="Also measure the per-pixel mean image, a yardstick.")
    examples: Positive = Field(3, description="Misses, false alarms and hits shown a class.")
    curve_points: Annotated[int, Field(ge=10)] = Field(200, description="Points a logged curve.")
    scores_held: Annotated[int, Field(ge=65_536)] = Field(
        1 << 24,
        description="Pixel scores that the metrics hold at once, at 4 bytes each, and as many of "
        "defective pixels, at about 120 bytes each; where there are more, the maps are read again. "
        "No figure changes.",
    )

    @model_validator(mode="after")
    def _distinct(self) -> "EvaluationConfig":
        if len(set(self.protocols)) < len(self.protocols):
            raise ValueError("a protocol is named twice")
        if len({f"{limit:.2f}" for limit in self.aupro_limits}) < len(self.aupro_limits):
            raise ValueError("AUPRO limits must differ in their first two decimals")
        return self
