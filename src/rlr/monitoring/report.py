"""The page of a comparison."""

from pathlib import Path

from rlr.monitoring.run import Monitored


def write_report(path: Path, found: Monitored, white_level: int) -> None:
    """Write the page."""
    path.write_text(found.result.reason)
