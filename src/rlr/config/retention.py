"""What `rlr gc` removes, and when."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import NotNegative, Section

Bound = Annotated[float, Field(ge=0.0)] | None


class LimitConfig(Section):
    """Bounds of one kind of things; null: none."""

    max_age_days: Bound = Field(None, description="Days after which a thing goes.")
    max_gib: Bound = Field(None, description="GiB of all together; the oldest go first.")


class RetentionConfig(Section):
    """Without a bound a thing is kept for ever. What a model version with an alias needs stays."""

    checkpoints: LimitConfig = LimitConfig()
    runs: LimitConfig = LimitConfig()
    data: LimitConfig = LimitConfig()
    features: LimitConfig = LimitConfig()
    models: LimitConfig = LimitConfig()
    tracking: LimitConfig = LimitConfig()
    grace_hours: NotNegative = Field(
        24.0, description="Hours after its last change in which nothing is removed at all."
    )
