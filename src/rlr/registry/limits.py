"""How long MLflow's client may take; by itself it waits for minutes where a server is away."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from rlr.config.registry import RegistryConfig

# MLflow reads them anew at each request.
TIMEOUT = "MLFLOW_HTTP_REQUEST_TIMEOUT"
RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
BACKOFF = "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR"


def limit_requests(settings: RegistryConfig) -> None:
    """Bound all requests of this process that nobody bounds otherwise."""
    os.environ.update(
        {TIMEOUT: str(settings.request_seconds), RETRIES: str(settings.retries), BACKOFF: "1"}
    )


@contextmanager
def transfers(settings: RegistryConfig) -> Iterator[None]:
    """Let requests take as long as a file may, while the block lasts."""
    with _changed({TIMEOUT: str(settings.transfer_seconds)}):
        yield


@contextmanager
def single_attempts(seconds: int) -> Iterator[None]:
    """Let each request be tried once, while the block lasts; the caller repeats it.

    Args:
        seconds: How long to wait for an answer.
    """
    with _changed({TIMEOUT: str(seconds), RETRIES: "0"}):
        yield


@contextmanager
def _changed(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
