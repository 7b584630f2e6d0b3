"""Facts in the words that trees, pictures and cards share."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

UNKNOWN = "unknown"
DIGITS = 12  # of a digest, where people read it


def brief(value: str | None) -> str:
    """Return the first digits of a digest.

    Example:
        >>> brief("0123456789abcdef0123456789abcdef.dir")
        '0123456789ab'
    """
    return (value or UNKNOWN)[:DIGITS]


def changes(code: Mapping[str, Any]) -> str:
    """Return how the code differed from its commit.

    Args:
        code: The entry `code` of a version's facts.

    Example:
        >>> changes({"dirty": False, "diff_sha256": "none", "diff_stored": None})
        'no uncommitted changes'
    """
    if code["dirty"] is None:
        return "changes unknown"
    if not code["dirty"]:
        return "no uncommitted changes"
    kept = "kept" if code["diff_stored"] else "not kept"
    return f"changes {brief(code['diff_sha256'])}, {kept}"


def spans(times: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the times of a champion, one text each."""
    for time in times:
        until = _seconds(time["until"]) if time["until"] else "today"
        yield f"{_seconds(time['from'])} to {until} ({time['action']} by {time['actor']})"


def _seconds(time: str) -> str:
    return f"{time[:19]}Z"
