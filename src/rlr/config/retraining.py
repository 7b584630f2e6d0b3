"""When a retraining is worth its cost."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import NotNegative, Positive, Section, Share


class RetrainingConfig(Section):
    """Where new images arrive, how many make a retraining due, and how often there may be one."""

    source: str | None = Field(
        None,
        description="Where new images arrive: s3://BUCKET/PREFIX, or a folder. What is known of "
        "them, `data.intake` says.",
    )
    min_new_images: Positive = Field(
        50, description="Images judged since the last training that make a retraining due."
    )
    min_new_unjudged: Positive | None = Field(
        None,
        description="The same of images that nobody has judged, which count only with "
        "data.assume_normal; null: as many as min_new_images.",
    )
    min_new_share: Share = Field(
        0.0, description="Least share of the images known before that the new ones must come to."
    )
    drift: bool = Field(
        True, description="Whether new images that are too few are asked for drift (`monitor`)."
    )
    cooldown_hours: NotNegative = Field(
        24.0, description="Hours after a training in which none is started, unless forced."
    )
    runs_per_week: Positive | None = Field(
        7,
        description="Most trainings that are started in seven days, forced ones too; null: any.",
    )
    gpu_hours_per_week: Annotated[float, Field(gt=0.0)] | None = Field(
        None,
        description="Hours of accelerators in seven days after which no training is started, "
        "forced ones too; null: any.",
    )
