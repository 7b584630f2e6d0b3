"""The Docker daemon, and what its failures mean."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rlr.foundation.errors import MachineError

if TYPE_CHECKING:
    from docker import DockerClient

HOST_VARIABLE = "DOCKER_HOST"
DEFAULT_HOST = "unix:///var/run/docker.sock"
REMAPPED = ("name=rootless", "name=userns")
# What the daemon says of a wrong configuration, and what to do about it.
ADVICE = {
    "could not select device driver": "install NVIDIA's container toolkit, or set containers.gpus "
    "to false",
    "network": "set containers.network to one that `docker network ls` lists",
    "bind source path does not exist": "name a daemon of this machine with DOCKER_HOST",
}


@contextmanager
def docker_client() -> Iterator["DockerClient"]:
    """Yield a client of the daemon that DOCKER_HOST names, once it is known to answer.

    Raises:
        MachineError: The daemon does not answer, or gives its containers other users than ours.
    """
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env()
        client.ping()
    except DockerException as error:
        raise MachineError(
            f"The Docker daemon at {_host()} does not answer ({_cause(error)}); start it, or name "
            f"another with {HOST_VARIABLE}."
        ) from error
    try:
        options = client.info().get("SecurityOptions") or []
        if any(option.startswith(REMAPPED) for option in options):
            raise MachineError(
                f"The Docker daemon at {_host()} gives its containers other users than this "
                "machine's (rootless, or userns-remap), so they cannot share a run's folder; name "
                f"another daemon with {HOST_VARIABLE}."
            )
        yield client
    finally:
        client.close()


@contextmanager
def daemon_explained() -> Iterator[None]:
    """Turn a failure of the daemon into one sentence.

    Raises:
        MachineError: The daemon refused, or was lost.
    """
    try:
        yield
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in ("docker", "requests", "urllib3"):
            raise
        cause = _cause(error)[:300]
        advice = next((what for words, what in ADVICE.items() if words in cause), "see its log")
        raise MachineError(f"The Docker daemon at {_host()} failed: {cause}; {advice}.") from error


def _host() -> str:
    return os.environ.get(HOST_VARIABLE) or DEFAULT_HOST


def _cause(error: BaseException) -> str:
    """Return the innermost reason; what stands around it names classes of libraries."""
    explanation = getattr(error, "explanation", None)
    if explanation:
        return " ".join(str(explanation).split())
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, OSError) and error.strerror:
            return error.strerror
        inner = error.__cause__ or error.__context__
        nested = next((one for one in error.args if isinstance(one, BaseException)), None)
        error = nested or inner or error
    return " ".join(str(error).split()) or type(error).__name__
