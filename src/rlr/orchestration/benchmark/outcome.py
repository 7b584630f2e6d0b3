"""What a benchmark has come to so far: one document, and the tables that are drawn from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from rlr.orchestration.benchmark.columns import Column, Runs, measured_columns, quoted_columns
from rlr.orchestration.benchmark.figures import Figures, pooled_figures
from rlr.orchestration.benchmark.plan import Plan
from rlr.orchestration.benchmark.protocol import METRICS, SAMPLE_METRIC
from rlr.orchestration.benchmark.quoted import Quoted

READING = (
    "One model for all categories, trained on all normal training images of the set; the last "
    "epoch is measured, and no test image has chosen anything. Figures are in percent. Image "
    "score and map are the detector's own; maps are brought to 256x256 bilinearly, masks by "
    "nearest neighbour; every mask value above zero is a defect. AUPRO is integrated to a "
    "false-positive rate of 0.30, exactly, over 8-connected regions; what others report is often "
    "taken from a grid of thresholds. A ± is the standard deviation over the seeds."
)
PARTIAL = (
    "These images are not the complete official set, so quoted means would not compare and are "
    "left out."
)
POOLED = (
    "Over the images of all categories together, where scores must be on one scale, the categories "
    "unknown:"
)
AUROC = "image_auroc"
RANDOM = "has a backbone with random weights: it shows that the command works, and no quality."


@dataclass(frozen=True)
class Outcome:
    """A benchmark, as far as its runs are finished.

    Attributes:
        plan: What was to be run.
        runs: The finished runs of each preset, by seed.
        quoted: What others report on the set.
    """

    plan: Plan
    runs: Runs
    quoted: Quoted

    @property
    def categories(self) -> list[str]:
        """The categories that were run."""
        return sorted(self.plan.counts)

    @cached_property
    def measured(self) -> list[Column]:
        """A column a preset."""
        return measured_columns(self.runs, self.categories)

    @cached_property
    def others(self) -> list[Column]:
        """A column a quoted method."""
        return quoted_columns(self.quoted, self.categories)

    @property
    def compared(self) -> list[Column]:
        """The columns whose means may stand side by side."""
        return self.measured + (self.others if self.plan.complete else [])

    @property
    def by_category(self) -> list[Column]:
        """The columns that have figures of categories."""
        return [column for column in self.measured + self.others if column.categories]

    def mean_of(self, column: Column) -> Figures | None:
        """Return a column's means; None where they are over other images than those here."""
        return column.mean if column.kind == "measured" or self.plan.complete else None

    def progress(self) -> str:
        """Return how many runs are finished."""
        wanted = len(self.plan.request.sources) * len(self.plan.request.seeds)
        return f"{sum(len(done) for done in self.runs.values())} of {wanted} runs are finished."

    def notes(self) -> list[str]:
        """Return what must be known before the figures are compared with others."""
        return list(self._notes())

    def _notes(self) -> Iterator[str]:
        if not self.plan.complete:
            yield f"{' '.join(self.plan.notes)} {PARTIAL}"
        for preset in self.plan.request.left_out:
            yield f"The preset {preset} is not in this build and was left out."
        official = sum(found.train for found in self.plan.counts.values())
        for preset, done in self.runs.items():
            if done and done[0]["backbone"]["weights_origin"] == "random":
                yield f"{preset} {RANDOM}"
            used = {run["training_images"] for run in done}
            if used - {official}:
                yield (
                    f"{preset} was trained on {min(used)} of {official} normal training images; "
                    "the others are set aside, or are test images as well."
                )
        commits = {run["code"]["commit"] for done in self.runs.values() for run in done}
        if len(commits) > 1:
            yield f"The runs were made by {len(commits)} commits of the code."

    @cached_property
    def sources(self) -> dict[str, str]:
        """The sources of what is quoted, a sentence each, in the order of their numbers."""
        used = {column.source for column in self.others}
        return {
            key: source.sentence() for key, source in self.quoted.sources.items() if key in used
        }

    def label(self, column: Column) -> str:
        """Return a method's name, with the number of its source where it is quoted."""
        if column.kind == "measured":
            return column.name
        return f"{column.name} [{list(self.sources).index(column.source) + 1}]"

    def pooled(self) -> list[str]:
        """Return the image metrics over all images together, a sentence a preset."""
        return [
            f"{column.name}: image AUROC {pooled_figures(self.runs[column.name])[AUROC].text()}"
            for column in self.measured
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return everything as a document, with shares of 1 of each run and percent of the rest."""
        request = self.plan.request
        return {
            "dataset": request.name,
            "title": request.dataset.title,
            "command": request.command(),
            "progress": self.progress(),
            "official_set": self.plan.complete,
            "notes": self.notes(),
            "reading": READING,
            "categories": {name: found.as_dict() for name, found in self.plan.counts.items()},
            "measured": [self._measured(column) for column in self.measured],
            "quoted": [_document(column) for column in self.others],
            "sources": {key: value.model_dump() for key, value in self.quoted.sources.items()},
            "runs": [run for done in self.runs.values() for run in done],
        }

    def _measured(self, column: Column) -> dict[str, Any]:
        pooled = pooled_figures(self.runs[column.name])
        return {**_document(column), "pooled": _plain(pooled)}


def _document(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "group": column.group,
        "origin": column.origin,
        "source": column.source or None,
        "seeds": column.seeds,
        "mean": _plain(column.mean),
        "categories": {name: _plain(figures) for name, figures in column.categories.items()},
    }


def _plain(figures: Figures) -> dict[str, dict[str, float | None]]:
    return {
        metric: {"percent": figure.value, "spread": figure.spread}
        for metric, figure in figures.items()
    }


def metrics_of(columns: Sequence[Column]) -> list[str]:
    """Return the metrics of the table of means: the seven, and that of parts where there is one."""
    sampled = any(SAMPLE_METRIC in column.mean for column in columns)
    return [*METRICS, SAMPLE_METRIC] if sampled else list(METRICS)
