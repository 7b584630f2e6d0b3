"""Figures that others have reported, each with where it was read."""

from importlib import resources
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from rlr.orchestration.benchmark.protocol import METRICS

League = Literal["cnn", "vit"]
LEAGUES: dict[League, str] = {
    "cnn": "backbones trained on ImageNet labels",
    "vit": "self-supervised vision transformers",
}
Row = tuple[
    float | None,
    float | None,
    float | None,
    float | None,
    float | None,
    float | None,
    float | None,
]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Record):
    """Where figures stand: a paper, and what of it was read."""

    title: str
    arxiv: str
    where: str
    note: str = ""

    def sentence(self) -> str:
        """Return the source as it stands below a table."""
        note = f" {self.note.strip()}" if self.note else ""
        return f"{self.title.strip()}, arXiv {self.arxiv}: {self.where}.{note}"


class Method(_Record):
    """What was reported of one method, in percent, in the order of `METRICS`.

    Attributes:
        name: Its name.
        league: What its features come from.
        backbone: Its backbone, where a source at hand names it.
        source: Key of the source.
        note: What is to be said about it.
        mean: Means over all categories.
        categories: Figures of each category, where the source has them.
    """

    name: str
    league: League
    backbone: str = ""
    source: str
    note: str = ""
    mean: Row
    categories: dict[str, Row] = {}

    def values(self, category: str | None) -> dict[str, float | None]:
        """Return the figures of a category, or the means (None); what is not reported is None."""
        row = self.mean if category is None else self.categories.get(category)
        return dict(zip(METRICS, row or [None] * len(METRICS), strict=True))


class Quoted(_Record):
    """All that is quoted for a set."""

    sources: dict[str, Source]
    methods: list[Method]


def read_quoted(dataset: str) -> Quoted:
    """Return what is quoted for a set, by its name on the command line."""
    file = resources.files("rlr.orchestration.benchmark") / "quoted" / f"{dataset}.yaml"
    return Quoted.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
