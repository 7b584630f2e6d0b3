"""Progress of long work: a bar on a terminal, plain log lines elsewhere, always on stderr."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from typing import TypeVar

Item = TypeVar("Item")
logger = logging.getLogger("rlr")


def track(
    items: Iterable[Item], label: str, total: int | None = None, interval: float = 15.0
) -> Iterator[Item]:
    """Yield `items` and show how far the work has come.

    Args:
        items: What is worked through.
        label: The work, in a few words.
        total: Number of items, where `items` has no length.
        interval: Least seconds between two log lines off a terminal.
    """
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        yield from _bar(items, label, total)
    else:
        yield from _lines(items, label, total, interval)


def _bar(items: Iterable[Item], label: str, total: int | None) -> Iterator[Item]:
    from rich.console import Console
    from rich.progress import track as rich_track

    console = Console(stderr=True)
    yield from rich_track(items, label, total=total, console=console, transient=True)


def _lines(items: Iterable[Item], label: str, total: int | None, interval: float) -> Iterator[Item]:
    last = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.monotonic()
        if now - last >= interval:
            logger.info("%s: %d of %s", label, done, "?" if total is None else total)
            last = now
