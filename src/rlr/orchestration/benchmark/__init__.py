"""The standard multi-class protocol on public sets, beside the figures that others report.

datasets   the sets: their layouts, categories and official counts
protocol   what is fixed, what is measured
request    what a user asks for, as one configuration a preset
plan       what would be run, before anything is
images     the manifest, made once
run        one preset with one seed: training, and evaluation category by category
quoted     figures of others, each with its source
figures    means over categories and seeds
tables     measured and quoted columns side by side; markdown, latex and csv of them
benchmark  all of it, in order
"""

from rlr.orchestration.benchmark.benchmark import run_benchmark
from rlr.orchestration.benchmark.plan import make_plan
from rlr.orchestration.benchmark.request import Request

__all__ = ["Request", "make_plan", "run_benchmark"]
