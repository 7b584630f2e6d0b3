"""Kubernetes manifests, and compiled pipelines, held against the rules of the house."""

from rlr.infrastructure.manifests.check import check_manifests
from rlr.infrastructure.manifests.findings import Finding
from rlr.infrastructure.manifests.reading import read_external, read_manifests

__all__ = ["Finding", "check_manifests", "read_external", "read_manifests"]
