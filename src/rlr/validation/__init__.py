"""Whether a manifest is fit to train and to measure with: expectations, judged and told."""

from rlr.validation.run import validate
from rlr.validation.unjudged import Unjudged, count_unjudged
from rlr.validation.verdict import Offender, Outcome, Verdict

__all__ = ["Offender", "Outcome", "Unjudged", "Verdict", "count_unjudged", "validate"]
