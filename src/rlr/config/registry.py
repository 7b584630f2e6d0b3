"""Tracking and model registry (MLflow)."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import NotNegative, Positive, Section


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
    request_seconds: Positive = Field(
        10, description="Seconds to wait for one answer of the tracking server."
    )
    transfer_seconds: Positive = Field(
        120, description="The same where a file is sent or fetched, which the server passes on."
    )
    retries: Annotated[int, Field(ge=0, le=10)] = Field(
        3, description="How often a step repeats a failed request, after 1, 2, 4 ... seconds."
    )
    flush_seconds: NotNegative = Field(
        20.0, description="Seconds to wait, at the end of a step, for what its spool still holds."
    )
    backoff_seconds: Positive = Field(
        15, description="Longest pause between two attempts to send from the spool."
    )
