"""When a retraining is worth its cost."""

from pydantic import Field

from rlr.config.section import NotNegative, Section


class RetrainingConfig(Section):
    """What has to be new before the retraining pipeline trains, and how often it may."""

    cooldown_hours: NotNegative = Field(
        24.0, description="Hours after a training in which none is started, unless forced."
    )
