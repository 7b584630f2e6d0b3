"""From token scores to anomaly maps, image scores and decisions."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from rlr.config.section import NotNegative, Positive, Section, Share

Standardisation = Literal["none", "ratio", "deviation"]


class ScoreConfig(Section):
    """A token's score: squared * mean squared error + cosine * (1 - cosine similarity).

    Where scores are calibrated, each of the two terms is held against normal ones first.
    """

    squared: NotNegative = Field(1.0, description="Weight of the mean squared error.")
    cosine: NotNegative = Field(1.0, description="Weight of 1 - cosine similarity.")

    @model_validator(mode="after")
    def _not_both_zero(self) -> "ScoreConfig":
        if self.squared == self.cosine == 0.0:
            raise ValueError("squared and cosine are both 0, so every score would be; raise one")
        return self


class CalibrationConfig(Section):
    """Holding residuals and scores against those of normal images, of no known class."""

    method: Literal["none", "position", "prototype"] = Field(
        "none",
        description="none; position: against those at the same place of the grid; prototype: "
        "against those of the training images that the image is most like.",
    )
    residuals: Literal["training", "validation", "both", "cross_fit"] = Field(
        "training",
        description="Normal images that the tables are made of; cross_fit: training images, by "
        "networks that were trained without them (threshold.folds).",
    )
    images: Positive = Field(
        512, description="Such images at most, spread over the classes by their hashes."
    )
    prototypes: Positive = Field(
        1, description="Prototypes of a class; fewer where it has not 8 images for each."
    )
    temperature: NotNegative = Field(
        0.0, description="0: the nearest prototype alone; else weights exp(-d^2 / (2 t^2))."
    )
    positions: bool = Field(
        False, description="Whether each prototype keeps tables for each place of the grid."
    )
    whitening: Literal["none", "channel", "covariance"] = Field(
        "none",
        description="What residuals are divided by before they are squared: nothing, the "
        "deviation of each channel's, or the root of their covariance.",
    )
    tokens: Standardisation = Field(
        "deviation",
        description="Both terms of a token's score, each for itself: as they are, over their "
        "mean, or less their mean and over their deviation.",
    )
    maps: Standardisation = Field(
        "none",
        description="Anomaly maps: as they are, over the median of the prototype's image scores, "
        "or less that median and over their mean absolute deviation from it.",
    )
    smoothing: NotNegative = Field(
        1.0, description="Sigma of the Gaussian over tables by place, in tokens; 0: none."
    )
    shrinkage: NotNegative = Field(
        5.0, description="Images that an estimate from all places weighs against one place's."
    )
    ridge: Share = Field(
        0.02,
        description="Share of a channel's variance over all images in that of a prototype.",
    )


class DetectionConfig(Section):
    """Token score, anomaly map and image score."""

    score: ScoreConfig = ScoreConfig()
    level_weights: list[NotNegative] | None = Field(
        None, description="Weight of each level in the map; null: all alike."
    )
    fusion: Literal["mean", "geometric", "max"] = Field(
        "mean", description="How the levels' maps become one."
    )
    smoothing_sigma: NotNegative = Field(
        4.0, description="Sigma of the Gaussian over the map, in pixels of the input size; 0: none."
    )
    image_score: Literal["max", "top_share"] = Field(
        "max",
        description="Image score: the greatest value of the smoothed map, or the mean of the "
        "greatest values.",
    )
    top_share: Annotated[float, Field(gt=0.0, le=1.0)] = Field(
        0.01, description="Share of the pixels in that mean; at least one pixel."
    )
    calibration: CalibrationConfig = CalibrationConfig()

    @model_validator(mode="after")
    def _weighs_something(self) -> "DetectionConfig":
        if self.level_weights is not None and not any(self.level_weights):
            raise ValueError("level_weights are all 0, so every score would be; raise one")
        return self

    @model_validator(mode="after")
    def _positive_scores(self) -> "DetectionConfig":
        calibrated = self.calibration.method != "none"
        if self.fusion == "geometric" and calibrated and self.calibration.tokens == "deviation":
            raise ValueError(
                "fusion=geometric needs positive scores, and calibration.tokens=deviation makes "
                "negative ones; set calibration.tokens=ratio"
            )
        return self


class ThresholdConfig(Section):
    """Thresholds from normal images alone, at a stated false-positive rate."""

    false_positive_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.01, description="Share of normal images that may be called defective."
    )
    method: Literal["pooled", "cross_fit"] = Field(
        "pooled",
        description="Where a class has too few validation images for the rate: pool all classes "
        "after calibration, or score all training normals by models that have not seen them.",
    )
    folds: Annotated[int, Field(ge=2)] = Field(5, description="Folds of cross_fit.")
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.95, description="Level of the Clopper-Pearson intervals."
    )
