"""When images are no longer what the model was trained on, or a model not what it was."""

from typing import Annotated

from pydantic import Field, model_validator

from rlr.config.section import NotNegative, Positive, Section

Rate = Annotated[float, Field(gt=0.0, lt=1.0)]


class CanaryConfig(Section):
    """A few normal images that travel with a model, and what it said of them."""

    images: Annotated[int, Field(ge=0)] = Field(
        8, description="Normal validation images kept, spread over the classes; 0: none."
    )
    tolerance: NotNegative = Field(
        1e-4,
        description="Greatest difference of an anomaly map, as a share of its greatest value, at "
        "which a model still scores as it did; another build of torch differs by about 1e-6.",
    )


class ReferenceConfig(Section):
    """Statistics of the normal images of a training, which travel with the model."""

    images: Annotated[int, Field(ge=0)] = Field(
        2000, description="Normal images kept as numbers, chosen by their hashes; 0: none."
    )
    dimensions: Positive = Field(16, description="Principal components of the backbone features.")
    tokens: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.75,
        description="Share of an image's tokens, the least anomalous ones, that its features are "
        "the mean of: a small defect does not move them.",
    )


class MonitorConfig(Section):
    """Tests of new images against the normal images of the champion's training."""

    window: Annotated[int, Field(ge=10)] = Field(
        100, description="Images a window, in the order of their capture time and path."
    )
    false_alarm_rate: Rate = Field(
        0.01, description="Rate at which a window without drift is called drifted."
    )
    windows: Positive = Field(3, description="Last windows that are looked at.")
    agree: Positive = Field(2, description="Of those, windows that must have drifted to trigger.")
    least_images: Annotated[int, Field(ge=2)] = Field(
        8, description="Images of a class in a window from which on the class is tested by itself."
    )
    greatest_defect_share: Rate = Field(
        0.5,
        description="Share of images above the threshold that cannot be defects any more: from "
        "there on the normal itself must have shifted.",
    )
    far: Annotated[float, Field(gt=1.0)] = Field(
        10.0,
        description="How far beyond the usual the features of an image lie from its class, as a "
        "multiple of the same for the farthest reference image, from which on it is no part with a "
        "defect but something else.",
    )
    permutations: Annotated[int, Field(ge=99)] = Field(
        9999, description="Draws of the permutation tests; their least p value is 1/(draws + 1)."
    )
    examples: Positive = Field(8, description="Most atypical images shown in the report.")
    canary: CanaryConfig = CanaryConfig()
    reference: ReferenceConfig = ReferenceConfig()

    @model_validator(mode="after")
    def _attainable(self) -> "MonitorConfig":
        if self.agree > self.windows:
            raise ValueError("agree: more windows must agree than are looked at (windows)")
        return self
