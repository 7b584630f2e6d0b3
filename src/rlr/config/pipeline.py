"""What the cluster gives each step; compiled into the pipeline."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import Positive, Section


class PipelineConfig(Section):
    """Resources, scheduling and secrets of the compiled pipeline.

    Training and evaluation are the heavy steps; the others do without an accelerator.
    """

    image_pipeline: str | None = Field(
        None, description="Image of the light steps; null: rlr-pipeline of this version."
    )
    image_train: str | None = Field(
        None, description="Image of the heavy steps; null: rlr-train of this version."
    )
    cache: bool = Field(
        True, description="Whether training and evaluation on the same data may be reused."
    )
    accelerator: str = Field("nvidia.com/gpu", description="Accelerator's resource name.")
    accelerator_count: Annotated[int, Field(ge=0)] = Field(
        1, description="Accelerators of a heavy step; 0: it runs on the CPU."
    )
    node_selector: dict[str, str] = Field(
        {"rlr.dev/pool": "gpu"}, description="Labels of the nodes that run the heavy steps."
    )
    toleration: str | None = Field(
        "nvidia.com/gpu", description="Taint key tolerated by the heavy steps; null: none."
    )
    cpu: str = Field("4", description="CPU of a heavy step.")
    memory: str = Field("16Gi", description="Memory of a heavy step.")
    light_cpu: str = Field("1", description="CPU of the other steps.")
    light_memory: str = Field("4Gi", description="Memory of the other steps.")
    shared_memory: str = Field("2Gi", description="Size of /dev/shm in the training pod.")
    retries: Annotated[int, Field(ge=0)] = Field(
        2, description="How often a failed step is started again."
    )
    retry_seconds: Positive = Field(
        30, description="Wait before the first such start; it doubles each time."
    )
    s3_secret: str | None = Field(
        "rlr-s3", description="Secret with the S3 credentials; null: the pods have a role."
    )
    mlflow_secret: str | None = Field(
        "rlr-mlflow", description="Secret with the MLflow settings; null: none is needed."
    )
    webhook_secret: str | None = Field(
        "rlr-webhook", description="Secret with the webhook's URL; null: none is told."
    )
    timeout_seconds: Positive = Field(86400, description="Longest life of a step's pod.")
