"""Tracking and model registry (MLflow)."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import Section


class FloorsConfig(Section):
    """Least means over classes (protocol `default`) for the alias `challenger`; null: no floor."""

    image_auroc: float | None = Field(0.60, description="Image AUROC.")
    image_ap: float | None = Field(None, description="Image average precision.")
    pixel_auroc: float | None = Field(None, description="Pixel AUROC.")
    aupro: float | None = Field(None, description="AUPRO to the first of `aupro_limits`.")
    worst_class_image_auroc: float | None = Field(
        None, description="Least image AUROC of any single class."
    )


class RegistryConfig(Section):
    """Where runs and versions are kept. Credentials come from the environment alone."""

    tracking_uri: str | None = Field(
        None, description="MLflow server; null: MLFLOW_TRACKING_URI, else sqlite in .rlr/mlflow."
    )
    experiment: str = Field("rlr", description="Experiment of the runs.")
    model_name: str = Field("rlr", pattern=r"^[\w-]+$", description="Name of the registered model.")
    floors: FloorsConfig = FloorsConfig()
    timeout: Annotated[float, Field(gt=0.0)] = Field(
        5.0, description="Seconds to wait for the tracking server before a step starts."
    )
