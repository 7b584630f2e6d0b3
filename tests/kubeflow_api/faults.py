"""What a test may let go wrong."""

from dataclasses import dataclass

TIMEOUT = "timeout"
DROP = "drop"
LOGIN = "login"
LOST = "lost"


@dataclass
class Fault:
    """A failure of the server.

    Attributes:
        kind: A status, or `timeout` (no answer), `drop` (the connection is closed), `login` (a
            page for people), `lost` (what was asked is done, but the answer does not arrive).
        times: How many requests fail; None: all.
        where: Part of the path of the requests that fail.
        method: Their method; "": any.
        after: How many such requests go well before.
    """

    kind: int | str
    times: int | None = None
    where: str = ""
    method: str = ""
    after: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Return whether a request fails, and count it."""
        if self.times == 0 or self.where not in path or self.method not in ("", method):
            return False
        if self.after:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True
