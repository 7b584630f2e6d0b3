"""Ports on loopback: a free one, and whether one is taken."""

import random
import socket
import time
from collections.abc import Container

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


def stays_taken(port: int) -> bool:
    """Return whether a port is still taken after the moment that a killed process needs."""
    deadline = time.monotonic() + CLEARING_SECONDS
    while is_taken(port):
        if time.monotonic() > deadline:
            return True
        time.sleep(0.1)
    return False


def free_port(avoid: Container[int] = frozenset()) -> int:
    """Return a port where nobody listens.

    Args:
        avoid: Ports that are spoken for.
    """
    while True:
        port = random.choice(RANGE)
        if port not in avoid and not is_taken(port):
            return port
