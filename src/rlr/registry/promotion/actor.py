"""Who does it, as the audit trail names people."""

import getpass
import os
import platform

ACTOR_VARIABLE = "RLR_ACTOR"
LONGEST = 200  # characters


def actor() -> str:
    """Return who runs this: RLR_ACTOR, else user@host."""
    named = " ".join(os.environ.get(ACTOR_VARIABLE, "").split())
    return (named or f"{_user()}@{platform.node() or 'unknown'}")[:LONGEST]


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"uid-{os.getuid()}"
