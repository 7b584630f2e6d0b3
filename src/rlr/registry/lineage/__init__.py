"""Where a model came from and what came of it: asked from a version, a run, data or a commit."""

from rlr.registry.lineage.picture import draw_lineage
from rlr.registry.lineage.trace import trace, trace_version

__all__ = ["draw_lineage", "trace", "trace_version"]
