"""What the cluster gives each step; compiled into the pipeline."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.section import Positive, Section


class DistributedConfig(Section):
    """A training on several nodes, as a TrainJob of Kubeflow Trainer.

    Each node gets what a heavy step gets: processor, memory, accelerators. Where it runs and what
    is mounted, the training runtime says.
    """

    nodes: Positive = Field(2, description="Nodes of a training.")
    processes: Positive | None = Field(
        None, description="Processes a node; null: one an accelerator, and one where there is none."
    )
    runtime: str = Field("rlr-torch", description="Training runtime of the namespace.")
    claim: str = Field(
        "rlr-training",
        description="Claim that the step and the nodes share (ReadWriteMany); the runtime mounts "
        "it at /team.",
    )
    timeout_seconds: Positive = Field(
        82800,
        description="Longest life of a TrainJob, waiting for nodes included; less than "
        "timeout_seconds of the step, so that the step can tell.",
    )
    poll_seconds: Annotated[float, Field(gt=0.0)] = Field(
        10.0, description="Seconds between two looks at a TrainJob."
    )


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
    cpu: str = Field("4", description="CPU of a heavy step, at most.")
    memory: str = Field("16Gi", description="Memory of a heavy step, at most.")
    cpu_request: str = Field("2", description="CPU of a heavy step, at least.")
    memory_request: str = Field("8Gi", description="Memory of a heavy step, at least.")
    light_cpu: str = Field("1", description="CPU of the other steps, at most.")
    light_memory: str = Field("4Gi", description="Memory of the other steps, at most.")
    light_cpu_request: str = Field("250m", description="CPU of the other steps, at least.")
    light_memory_request: str = Field("1Gi", description="Memory of the other steps, at least.")
    shared_memory: str = Field("2Gi", description="Size of /dev/shm in the training pod.")
    scratch: str = Field("8Gi", description="Size of /tmp, the one place that a step may write.")
    cache_claim: str | None = Field(
        None,
        description="Claim with the pulled data versions, shared by steps and runs; null: a "
        "volume of the pod, and every step pulls anew.",
    )
    cache_size: str = Field("100Gi", description="Size of the pod's volume where there is none.")
    user: Annotated[int, Field(gt=0)] = Field(
        10001, description="Numeric user and group that the steps run as."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When nodes pull images."
    )
    image_pull_secret: str | None = Field(
        None, description="Secret with the registry's credentials; null: none is needed."
    )
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
    distributed: DistributedConfig = DistributedConfig()
