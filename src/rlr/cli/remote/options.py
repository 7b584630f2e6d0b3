"""Options of the commands that talk to Kubeflow, each declared once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rlr.orchestration.kubeflow.access import Access

REQUEST_TIMEOUT = 30.0

EndpointOption = Annotated[
    str | None,
    typer.Option(
        "--endpoint", metavar="URL", help="Kubeflow's API; without it, KF_PIPELINES_ENDPOINT."
    ),
]
PortForwardOption = Annotated[
    str | None,
    typer.Option(
        "--port-forward",
        metavar="NAMESPACE/SERVICE",
        help="Go in through kubectl, in the place of an endpoint: kubeflow/ml-pipeline.",
    ),
]
TokenFileOption = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        metavar="FILE",
        help="Token, read anew for each request; without it, KF_PIPELINES_TOKEN, then the "
        "service account's (KF_PIPELINES_SA_TOKEN_PATH).",
    ),
]
NamespaceOption = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        help="Your namespace, where Kubeflow serves several; without it, KF_PIPELINES_NAMESPACE.",
    ),
]
AuthorityOption = Annotated[
    Path | None,
    typer.Option(
        "--ca-certificate",
        metavar="FILE",
        help="Authority of the server's certificate; without it, KF_PIPELINES_CA_CERTIFICATE.",
    ),
]
RequestTimeoutOption = Annotated[
    float,
    typer.Option("--request-timeout", min=0.1, help="Seconds to wait for each answer."),
]
AllowTagOption = Annotated[
    bool,
    typer.Option(
        "--allow-tag", help="Let an image keep its tag where no registry knows its digest."
    ),
]
EveryOption = Annotated[
    float, typer.Option("--every", min=0.01, help="Seconds between two looks at the run.")
]


def make_access(
    endpoint: str | None,
    port_forward: str | None,
    token_file: Path | None,
    namespace: str | None,
    ca_certificate: Path | None,
    request_timeout: float,
) -> "Access":
    """Return the way into Kubeflow that the options name.

    Raises:
        UserError: They name none.
    """
    from rlr.orchestration.kubeflow.access import Access

    access = Access(endpoint, namespace, token_file, ca_certificate, port_forward, request_timeout)
    if not port_forward:
        access.address()  # a missing one is told before a pipeline is compiled
    return access
