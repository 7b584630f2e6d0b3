"""What people declare about a model, for its card."""

from pydantic import Field

from rlr.config.section import Section


class CardConfig(Section):
    """Words for the model card that no machine can know."""

    intended_use: str | None = Field(
        None, description="What the model is meant for; null: the card says that nobody told."
    )
