"""The decoder that draws what the model thinks; no score depends on it."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import NotNegative, Positive, Section


class DecoderConfig(Section):
    """From features back to pictures, for the report alone."""

    enabled: bool = Field(False, description="Whether a training makes a decoder at all.")
    images: Positive = Field(
        400, description="Normal training images at most, spread over the classes by their hashes."
    )
    steps: Positive = Field(2000, description="Steps of the optimiser.")
    batch_size: Positive = Field(4, description="Images a step.")
    learning_rate: Annotated[float, Field(gt=0.0)] = Field(
        2e-3, description="Greatest step size; it rises and falls over the steps."
    )
    width: Annotated[int, Field(ge=16)] = Field(
        64, description="Channels on the finest grid of features; each doubling halves them."
    )
    size: Positive = Field(
        128, description="Longer side of the pictures in pixels at most, and never the input's."
    )
    edge_weight: NotNegative = Field(
        1.0, description="Weight of the loss on differences between neighbouring pixels."
    )
