"""The services that `rlr services up` starts on this machine: S3, PostgreSQL, MLflow."""

from typing import Annotated, Literal

from pydantic import Field

from rlr.config.section import Positive, Section

Port = Annotated[int, Field(ge=0, le=65535)]
Seconds = Annotated[float, Field(gt=0.0)]


class ServicesConfig(Section):
    """Services of a laptop or a CI machine, on loopback alone. A cluster has its own."""

    engine: Literal["auto", "docker", "debian"] = Field(
        "auto",
        description="docker: containers; debian: processes of Debian's packages; auto: what the "
        "folder was made with, else containers where their images can be had, else processes.",
    )
    folder: str = Field(".rlr/services", description="Folder of data, logs and credentials.")
    s3_port: Port = Field(0, description="Port of S3; 0: a free one, kept once chosen.")
    postgres_port: Port = Field(0, description="Port of PostgreSQL; 0: a free one, kept.")
    mlflow_port: Port = Field(0, description="Port of MLflow; 0: a free one, kept.")
    s3_gigabytes: Positive = Field(
        50, description="Largest size of the object store; set when its folder is made."
    )
    mlflow_workers: Positive = Field(1, description="Processes of the MLflow server.")
    attempts: Positive = Field(3, description="How often the object store's first start is tried.")
    start_seconds: Seconds = Field(180.0, description="Longest wait until a service answers.")
    stop_seconds: Seconds = Field(20.0, description="Wait until a service that stops is killed.")
    ask_seconds: Seconds = Field(5.0, description="Longest wait for one answer of a service.")
