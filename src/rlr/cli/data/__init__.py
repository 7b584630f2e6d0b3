"""`rlr data`: everything about images, a file a group of verbs."""

from rlr.cli.data import images, intake, review, versions
from rlr.cli.data.noun import app

__all__ = ["app", "images", "intake", "review", "versions"]
