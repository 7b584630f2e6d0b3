"""Ports on loopback: a free one, and whether one is taken."""

import random
import socket
from collections.abc import Container

LOOPBACK = "127.0.0.1"
# Below those that the system lends to outgoing connections: a port that is kept must not be lent
# to somebody else while its service is down.
RANGE = range(20000, 32000)


def is_taken(port: int) -> bool:
    """Return whether somebody listens on a port of this machine's loopback address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return False


def free_port(avoid: Container[int] = ()) -> int:
    """Return a port where nobody listens.

    Args:
        avoid: Ports that are spoken for.
    """
    while True:
        port = random.choice(RANGE)
        if port not in avoid and not is_taken(port):
            return port
