"""Ports on loopback: a free one, and whether one is taken."""

import random
import socket
import time
from collections.abc import Container

from rlr.foundation.errors import MachineError

LOOPBACK = "127.0.0.1"
# Below those that the system lends to outgoing connections: a port that is kept must not be lent
# to somebody else while its service is down.
RANGE = range(20000, 32000)

CLEARING_SECONDS = 2.0  # the last thread of a killed process may outlive its first for a moment


def is_taken(port: int) -> bool:
    """Return whether somebody listens on a port of this machine's loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def require_free(service: str, port: int) -> None:
    """Refuse a port that is still taken after the moment that a killed process needs.

    Raises:
        MachineError: Somebody else listens there.
    """
    deadline = time.monotonic() + CLEARING_SECONDS
    while is_taken(port):
        if time.monotonic() > deadline:
            raise MachineError(
                f"Port {port} of {service} is taken by another program; end it, or choose another "
                f"port with --set services.{service}_port=PORT."
            )
        time.sleep(0.1)


def free_port(avoid: Container[int] = frozenset()) -> int:
    """Return a port where nobody listens.

    Args:
        avoid: Ports that are spoken for.
    """
    while True:
        port = random.choice(RANGE)
        if port not in avoid and not is_taken(port):
            return port
