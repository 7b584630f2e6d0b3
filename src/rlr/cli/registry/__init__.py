"""`rlr registry`: versions, who is champion, and who made it so, a file a group of verbs."""

from rlr.cli.registry import changes, reading, watching
from rlr.cli.registry.noun import app

__all__ = ["app", "changes", "reading", "watching"]
