"""What grows without end, and how far it may: planning what goes, and letting it go."""

from rlr.orchestration.retention.collect import collect

__all__ = ["collect"]
