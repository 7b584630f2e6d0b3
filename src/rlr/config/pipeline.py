"""What the cluster gives each step; compiled into the pipeline."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import Positive, Section


class PipelineConfig(Section):
    """Resources, scheduling and secrets of the compiled pipeline."""

    accelerator: str = Field("nvidia.com/gpu", description="Accelerator's resource name.")
    accelerator_count: Annotated[int, Field(ge=0)] = Field(1, description="0: train on the CPU.")
    node_selector: dict[str, str] = Field(
        {"rlr.dev/pool": "gpu"}, description="Labels of the nodes that train."
    )
    toleration: str | None = Field(
        "nvidia.com/gpu", description="Taint key tolerated by training; null: none."
    )
    cpu: str = "4"
    memory: str = "16Gi"
    shared_memory: str = Field("2Gi", description="Size of /dev/shm in the training pod.")
    retries: Annotated[int, Field(ge=0)] = 2
    s3_secret: str = Field("rlr-s3", description="Secret with the S3 credentials.")
    mlflow_secret: str = Field("rlr-mlflow", description="Secret with the MLflow settings.")
    webhook_secret: str = Field("rlr-webhook", description="Secret with the webhook's URL.")
    timeout_seconds: Positive = 86400
