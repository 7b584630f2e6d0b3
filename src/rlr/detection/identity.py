"""What makes a folder a detector, and what tells it from another; neither needs torch."""

from pathlib import Path

from rlr.foundation.documents import file_sha256

DESCRIPTION = "detector.json"


def detector_sha256(folder: Path) -> str:
    """Return what identifies a detector: its description holds the digests of all the rest."""
    return file_sha256(folder / DESCRIPTION)
