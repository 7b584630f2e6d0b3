"""The Docker client: which one can build, whether a daemon answers, and asking it."""

import json
import os
import re
import shutil
import subprocess
from typing import Any

from rlr.foundation.errors import MachineError

ADDRESS = "DOCKER_HOST"
PATIENCE = 60  # seconds for an answer of the daemon; a build takes what it takes

# From this version on, BuildKit is a plug-in of the client; before, it is built in.
BUILDX_SINCE = 23
CLIENT_VERSION = re.compile(r"Docker version (\d+)\.")


def find_client() -> str:
    """Return the path of a Docker client that can build, with a daemon that answers.

    Raises:
        MachineError: There is none.
    """
    clients = _clients()
    builders = [client for client in clients if _can_build(client)]
    if not builders:
        raise MachineError(
            f"{clients[0]} cannot build with BuildKit; install its plug-in buildx (on Debian 12, "
            "the package docker.io has BuildKit built in)."
        )
    _check_daemon(builders[0])
    return builders[0]


def inspect(client: str, kind: str, *names: str) -> list[dict[str, Any]]:
    """Return what the daemon knows of some objects.

    Args:
        client: Path of the client.
        kind: "image" or "container".
        names: References or ids.

    Raises:
        MachineError: The daemon does not know one of them, or does not answer.
    """
    return list(json.loads(ask(client, kind, "inspect", *names))) if names else []


def ask(client: str, *words: str) -> str:
    """Return what the client prints.

    Raises:
        MachineError: It fails, or does not come to an end.
    """
    done = _run(client, *words)
    if done.returncode:
        raise MachineError(f"docker {words[0]} failed: {_last_line(done.stderr)}")
    return done.stdout


def _clients() -> list[str]:
    found = (shutil.which("docker", path=folder) for folder in os.get_exec_path())
    clients = [client for client in found if client]
    if not clients:
        raise MachineError(
            "There is no command docker on the PATH; install it (on Debian: apt-get install "
            "docker.io)."
        )
    return clients


def _can_build(client: str) -> bool:
    version = CLIENT_VERSION.match(_run(client, "--version").stdout)
    if version and int(version[1]) < BUILDX_SINCE:
        return True
    # Some clients end in success where they do not know the word: what they print decides.
    return "buildx" in _run(client, "buildx", "version").stdout


def _check_daemon(client: str) -> None:
    done = _run(client, "version", "--format", "{{.Server.Version}}")
    if done.returncode:
        raise MachineError(
            f"No Docker daemon can be used ({_last_line(done.stderr)}); start one, or name one in "
            f"{ADDRESS}."
        )


def _run(client: str, *words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [client, *words], capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    except subprocess.TimeoutExpired as error:
        where = os.environ.get(ADDRESS, "its default address")
        raise MachineError(
            f"The Docker daemon at {where} has not answered within {PATIENCE} seconds; look after "
            f"it, or name another in {ADDRESS}."
        ) from error


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it says nothing"
