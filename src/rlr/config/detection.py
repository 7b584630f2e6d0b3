"""From token scores to anomaly maps, image scores and decisions."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.section import NotNegative, Section


class DetectionConfig(Section):
    """Anomaly map and image score."""

    smoothing_sigma: NotNegative = Field(
        4.0, description="Sigma of the Gaussian over the map, in pixels of the input size; 0: none."
    )
    image_score: Literal["max"] = Field(
        "max", description="Image score: the greatest value of the smoothed map."
    )


class ThresholdConfig(Section):
    """Thresholds from normal images alone, at a stated false-positive rate."""

    false_positive_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.01, description="Share of normal images that may be called defective."
    )
    method: Literal["pooled", "cross_fit", "training"] = Field(
        "pooled",
        description="Where a class has too few validation images for the rate: pool all classes "
        "after calibration, or score all training normals by models that have not seen them; "
        "training: by the model that has, which bounds no rate and is for benchmarks alone.",
    )
    folds: Annotated[int, Field(ge=2)] = Field(5, description="Folds of cross_fit.")
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.95, description="Level of the Clopper-Pearson intervals."
    )
