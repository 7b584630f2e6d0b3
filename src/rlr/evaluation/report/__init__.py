"""The report: one HTML file that holds all it shows, and opens from a disk, offline."""

from rlr.evaluation.report.render import render_report

__all__ = ["render_report"]
