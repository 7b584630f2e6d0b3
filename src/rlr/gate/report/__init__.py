"""The page gate.html: what was decided, by which rule, and from what."""

from rlr.gate.report.render import render_report

__all__ = ["render_report"]
