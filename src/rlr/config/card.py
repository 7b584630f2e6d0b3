"""What people declare about a model, for its card."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import Section


class CardConfig(Section):
    """Words for the model card that no machine can know; null: the card says that nobody told."""

    intended_use: str | None = Field(None, description="What the model is meant for.")
    out_of_scope: str | None = Field(None, description="What it must not be used for.")
    owner: str | None = Field(None, description="Who answers for the model.")
    contact: str | None = Field(None, description="How to reach them.")
    limits: list[str] = Field(
        [], description="Limits that people know of; those that the figures show are added."
    )
    few_images: Annotated[int, Field(ge=1)] = Field(
        30,
        description="Normal or defective test images of a class below which the card names the "
        "class among its limits.",
    )
