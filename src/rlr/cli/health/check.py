"""One thing that was looked at, and how a look never ends in a traceback or in a long wait."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from rlr.foundation.errors import RlrError

Status = Literal["ok", "warn", "fail"]
LIMIT = 60.0  # seconds; clients of services retry for minutes


@dataclass(frozen=True)
class Check:
    """What was found.

    Attributes:
        name: What was looked at.
        status: ok; warn: something will not work, or not as one may think; fail: what the
            configuration needs does not work.
        sentence: What was found, and what to do about it.
    """

    name: str
    status: Status
    sentence: str


Finding = tuple[Status, str]


def examine(name: str, look: Callable[[], Finding], limit: float = LIMIT) -> Check:
    """Run one look in a thread of its own, and give up on it after `limit` seconds."""
    found: list[Finding] = []

    def run() -> None:
        try:
            found.append(look())
        except RlrError as error:
            found.append(("fail", str(error)))
        except Exception as error:  # a check reports, whatever a library does
            found.append(("fail", f"{type(error).__name__}: {' '.join(str(error).split())}"))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(limit)
    status, sentence = found[0] if found else ("fail", f"No answer within {limit:.0f} seconds.")
    return Check(name, status, sentence)


def missing(*modules: str) -> list[str]:
    """Return those of the modules that are not installed, without importing any."""
    return [name for name in modules if find_spec(name) is None]
