"""The steps of a local run in their images."""

from rlr.orchestration.containers.place import Containers

__all__ = ["Containers"]
