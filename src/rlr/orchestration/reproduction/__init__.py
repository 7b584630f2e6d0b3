"""Training a registered version again, from what is stored of it, and comparing the two."""

from rlr.orchestration.reproduction.reproduce import reproduce

__all__ = ["reproduce"]
