"""Images that nobody has judged, in the order in which a person should see them, and a page."""

from rlr.evaluation.review.candidates import Candidate, look_at, rank
from rlr.evaluation.review.page import render_review

__all__ = ["Candidate", "look_at", "rank", "render_review"]
