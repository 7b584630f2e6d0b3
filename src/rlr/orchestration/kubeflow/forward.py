"""A way in through kubectl: a port of this machine that leads to a service of the cluster."""

import queue
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rlr.foundation.errors import MachineError, UserError

API_PORT = 8888  # of the service ml-pipeline
TARGET = re.compile(r"(?P<namespace>[a-z0-9-]+)/(?P<service>[a-z0-9-]+)(?::(?P<port>[0-9]+))?")
READY = re.compile(r"Forwarding from 127\.0\.0\.1:([0-9]+) ->")


@contextmanager
def forwarded(target: str, timeout: float) -> Iterator[str]:
    """Yield the address of a service of the cluster, for as long as the block lasts.

    Args:
        target: NAMESPACE/SERVICE, or NAMESPACE/SERVICE:PORT.
        timeout: Seconds that kubectl may take to get there.

    Raises:
        UserError: The target is no such name, or kubectl is not installed.
        MachineError: kubectl did not get there; its own words say why.
    """
    place = TARGET.fullmatch(target)
    if not place:
        raise UserError(
            f"--port-forward takes NAMESPACE/SERVICE, as in kubeflow/ml-pipeline, not '{target}'."
        )
    process = _start(place["namespace"], place["service"], int(place["port"] or API_PORT))
    try:
        yield f"http://127.0.0.1:{_local_port(process, target, timeout)}"
    finally:
        process.terminate()
        process.wait()


def _start(namespace: str, service: str, port: int) -> "subprocess.Popen[str]":
    command = ["kubectl", "port-forward", "--address", "127.0.0.1"]
    command += ["--namespace", namespace, f"service/{service}", f":{port}"]
    try:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,  # Ctrl-C is for us; we end it ourselves
        )
    except FileNotFoundError as error:
        raise UserError(
            "kubectl is not installed, which --port-forward needs; install it, or name an address "
            "with --endpoint."
        ) from error


def _local_port(process: "subprocess.Popen[str]", target: str, timeout: float) -> int:
    """Return the port that kubectl has chosen, as soon as it says so."""
    lines: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(process, lines), daemon=True).start()
    last = "no word"
    while True:
        try:
            line = lines.get(timeout=timeout)
        except queue.Empty as error:
            raise MachineError(
                f"kubectl did not get to {target} within {timeout:g} s; is the service running?"
            ) from error
        if line is None:
            raise MachineError(f"kubectl did not get to {target}: {last}.")
        ready = READY.match(line)
        if ready:
            return int(ready[1])
        last = " ".join(line.split()).rstrip(".") or last


def _read(process: "subprocess.Popen[str]", lines: "queue.Queue[str | None]") -> None:
    """Pass on what kubectl says, to its end: a full pipe would stop it."""
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)
