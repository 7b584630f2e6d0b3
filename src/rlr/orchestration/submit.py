"""A pipeline on a cluster: Kubeflow's API."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from rlr.foundation.errors import MachineError, UserError
from rlr.foundation.network import why_silent, without_password
from rlr.orchestration.parameters import Parameters

ENDPOINT_VARIABLE = "KF_PIPELINES_ENDPOINT"  # read by the kfp library and command alike
HEALTH_PAGE = "apis/v2beta1/healthz"


@dataclass(frozen=True)
class Submission:
    """A run that a cluster has taken.

    Attributes:
        run_id: Its id.
        url: Its page.
    """

    run_id: str
    url: str


def submit_pipeline(
    compiled: str,
    parameters: Parameters,
    experiment: str,
    run_name: str,
    endpoint: str | None = None,
    timeout: float = 5.0,
) -> Submission:
    """Start a compiled pipeline on a cluster.

    Args:
        compiled: The compiled pipeline.
        parameters: Its parameters.
        experiment: Kubeflow's experiment.
        run_name: Name of the run.
        endpoint: Address of the API; None: the variable KF_PIPELINES_ENDPOINT.
        timeout: Seconds to wait for a sign of life.

    Raises:
        UserError: No address is named.
        MachineError: The API does not answer, or refuses the run.
    """
    address = endpoint or os.environ.get(ENDPOINT_VARIABLE)
    if not address:
        raise UserError(f"No cluster is named; set {ENDPOINT_VARIABLE} or --endpoint.")
    address = address.rstrip("/")
    reason = why_silent(f"{address}/{HEALTH_PAGE}", timeout)
    if reason:
        raise MachineError(
            f"Kubeflow at {without_password(address)} does not answer ({reason}); start it, or "
            f"name another with {ENDPOINT_VARIABLE} or --endpoint."
        )
    with _explained(address), tempfile.TemporaryDirectory() as scratch:
        from kfp import Client

        package = Path(scratch) / "pipeline.yaml"
        package.write_text(compiled, encoding="utf-8")
        with redirect_stdout(StringIO()):  # it prints links for notebooks
            run = Client(host=address).create_run_from_pipeline_package(
                str(package),
                arguments=parameters.as_arguments(),
                run_name=run_name,
                experiment_name=experiment,
            )
    return Submission(run.run_id, f"{without_password(address)}/#/runs/details/{run.run_id}")


@contextmanager
def _explained(address: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        status = getattr(error, "status", None)
        words = f"status {status}, {getattr(error, 'reason', '')}" if status else str(error)
        raise MachineError(
            f"Kubeflow at {without_password(address)} did not take the run: "
            f"{' '.join(words.split())[:300]}"
        ) from error
