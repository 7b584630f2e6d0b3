"""Steps in containers of this machine (`rlr pipeline run --runner docker`)."""

from pydantic import Field

from rlr.config.section import Section

QUANTITY = r"^[1-9][0-9]*(Ki|Mi|Gi)$"


class ContainersConfig(Section):
    """What Docker gives each step's container; on a cluster the section `pipeline` says that."""

    network: str = Field(
        "host",
        description="Docker network; host: services on this machine's loopback are reached.",
    )
    shared_memory: str = Field("2Gi", pattern=QUANTITY, description="Size of /dev/shm.")
    tmp: str = Field(
        "4Gi", pattern=QUANTITY, description="Largest size of /tmp, which lies in memory."
    )
    gpus: bool = Field(
        False, description="Give the containers all GPUs; needs NVIDIA's container toolkit."
    )
