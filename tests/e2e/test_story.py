"""A year of a detector in minutes: candidates are really trained, on real S3, PostgreSQL, MLflow.

The first model becomes champion by the floors; an equal one is inconclusive; one of more data
takes its place, and one of fewer epochs is rejected; a rollback goes back; drift starts a
training; and at the end the registry answers for all of it.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from e2e.conftest import Place
from PIL import Image

pytestmark = [pytest.mark.services, pytest.mark.slow]

CLASSES = ("circuit", "twill")
FIRST = 24  # training images a class that are there from the beginning
NIGHT = 28  # images under less light: too few to train on for their number
MODEL = "story"
SETTINGS = f"""
name: story
data:
  classes: [{", ".join(CLASSES)}]
  intake:
    key_pattern: (?P<class>[^/]+)/(?P<label>[^/]+)/[^/]+$
    settle_seconds: 0  # nobody is writing these files any more
features:
  backbone: {{name: test_resnet, weights: random, options: {{zero_init_last: false}}}}
  preprocessing: {{height: 64, width: 64}}
model:
  levels:
    - {{index: 1, width: 32, layers: 1, heads: 4}}
    - {{index: 2, width: 32, layers: 1, heads: 4}}
training:
  epochs: 12
  batch_size: 8
  optimizer: {{learning_rate: 3.0e-3}}
  checkpoint_epochs: 100
  threads: 1
evaluation: {{baseline: false}}
monitor: {{window: 10}}
gate:
  # Two classes of a network this small are no product: the rules stay, their limits are wide.
  class_margin: 0.15
  false_positive_rate: 0.9
registry:
  model_name: {MODEL}
  experiment: {MODEL}
  floors: {{image_auroc: 0.3}}
retraining:
  source: camera
  min_new_images: 50
  cooldown_hours: 0
"""


@dataclass
class Story:
    """What happened, chapter by chapter."""

    place: Place
    project: Path
    chapters: dict[str, dict[str, Any]] = field(default_factory=dict)

    def train(self, chapter: str, data_version: str, *words: str) -> None:
        """Train, judge and register a candidate by the training pipeline."""
        self._run(
            chapter, "pipeline", "run", *self._options, "--data-version", data_version, *words
        )

    def retrain(self, chapter: str) -> None:
        """Let the retraining pipeline decide whether to train."""
        self._run(chapter, "retrain", "--once", *self._options)

    def ask(self, *words: str | Path) -> dict[str, Any]:
        """Return what a command of the registry answers."""
        return self.place.rlr(*words, "--config", "story.yaml", "--json").answer

    def aliases(self) -> dict[str, str]:
        """Return which version bears which alias."""
        versions = self.ask("registry", "list")["versions"]
        return {alias: one["version"] for one in versions for alias in one["aliases"]}

    @property
    def _options(self) -> list[str]:
        return ["--config", "story.yaml", "--project", str(self.project)]

    def _run(self, chapter: str, *words: str) -> None:
        answer = self.place.rlr(*words, "--json").answer
        self.chapters[chapter] = {**answer, "aliases": self.aliases()}


@pytest.fixture(scope="module")
def story(
    services: dict[str, str], repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Story:
    """Live through the story once."""
    place = Place(tmp_path_factory.mktemp("story"), services)
    story = Story(place, repository)
    (place.folder / "story.yaml").write_text(SETTINGS)
    later = _draw(place)
    version = place.rlr("data", "publish", "data", "--json").answer["data_version"]
    shutil.rmtree(place.folder / "data")  # from here on data come from the remote
    story.train("first", version)
    story.train("equal", version)
    _arrive(place, later)
    story.retrain("better")
    story.retrain("idle")
    newest = story.chapters["better"]["data_version"]
    story.train("worse", newest, "--set", "training.epochs=1")
    story.chapters["back"] = story.ask("registry", "rollback", "--reason", "a trial")
    story.chapters["back"]["aliases"] = story.aliases()
    _arrive(place, list(_at_night(later[:: len(later) // NIGHT])), "night")
    story.retrain("drift")
    return story


def _draw(place: Place) -> list[tuple[str, Path]]:
    """Draw the images, and put most of those for training aside; they arrive later."""
    counts = {"train_good": 80, "test_good": 60, "test_defective": 60}
    sizes = [word for key, n in counts.items() for word in ("--set", f"synthetic.{key}={n}")]
    place.rlr("data", "synth", "data", "--config", "tiny", *sizes)
    data = place.folder / "data"
    later: list[tuple[str, Path]] = []
    for folder in sorted(data.iterdir()):
        if folder.name not in CLASSES:
            shutil.rmtree(folder) if folder.is_dir() else folder.unlink()
            continue
        for image in sorted((folder / "train" / "good").iterdir())[FIRST:]:
            kept = place.folder / "later" / folder.name / image.name
            kept.parent.mkdir(parents=True, exist_ok=True)
            later.append((folder.name, image.rename(kept)))
    return later


def _arrive(place: Place, images: list[tuple[str, Path]], mark: str = "day") -> None:
    """Put images where the camera drops them, judged as good."""
    for name, image in images:
        target = place.folder / "camera" / name / "good" / f"{mark}-{image.name}"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(image, target)


def _at_night(images: list[tuple[str, Path]]) -> Iterator[tuple[str, Path]]:
    """Yield the images under half of the light."""
    for name, image in images:
        pixels = np.asarray(Image.open(image).convert("RGB")) * 0.5
        dark = image.with_name(f"dark-{image.name}")
        Image.fromarray(pixels.astype(np.uint8)).save(dark)
        yield name, dark


def test_the_first_model_becomes_champion_by_the_floors(story: Story) -> None:
    first = story.chapters["first"]
    assert first["gate"]["outcome"] == "promote"
    assert first["gate"]["champion"] == "none"
    assert first["aliases"] == {"champion": "1"}


def test_an_equal_model_is_inconclusive(story: Story) -> None:
    equal = story.chapters["equal"]
    assert equal["gate"]["outcome"] == "inconclusive"
    assert "promote" not in equal["steps"]
    assert equal["aliases"] == {"champion": "1", "challenger": "2"}


def test_new_images_make_a_better_model_that_is_promoted(story: Story) -> None:
    better = story.chapters["better"]
    assert better["new"]["judged"] == len(CLASSES) * (80 - FIRST)
    assert better["base"] == story.chapters["first"]["data_version"]
    assert better["gate"]["outcome"] == "promote"
    assert better["aliases"] == {"champion": "3", "previous": "1"}


def test_without_anything_new_nothing_is_trained(story: Story) -> None:
    idle = story.chapters["idle"]
    assert not idle["retrained"]
    assert idle["aliases"] == story.chapters["better"]["aliases"]


def test_a_worse_model_is_rejected(story: Story) -> None:
    worse = story.chapters["worse"]
    assert worse["gate"]["outcome"] == "reject"
    assert worse["gate"]["champion"] == f"models:/{MODEL}/3"
    assert "promote" not in worse["steps"]
    assert worse["aliases"]["champion"] == "3"


def test_a_rollback_goes_back_to_what_was_really_champion(story: Story) -> None:
    back = story.chapters["back"]
    assert (back["former"], back["champion"]) == ("3", "1")
    assert back["aliases"]["champion"] == "1"
    assert "canary" in back["check"]


def test_drift_starts_a_training(story: Story) -> None:
    drift = story.chapters["drift"]
    assert drift["steps"]["watch-drift"]["drifted"] is True
    assert drift["retrained"]
    assert drift["gate"]["champion"] == f"models:/{MODEL}/1"


def test_lineage_is_answered_from_both_ends(story: Story) -> None:
    made_of = story.chapters["better"]["data_version"]
    (version,) = story.ask("lineage", "3")["versions"]
    assert version["data"]["version"] == made_of
    assert version["parent_champion"] == f"models:/{MODEL}/1"
    of_data = story.ask("lineage", made_of.removesuffix(".dir"))["versions"]
    assert {f"models:/{MODEL}/3", f"models:/{MODEL}/4"} == {one["version"] for one in of_data}


def test_the_audit_trail_tells_the_story_and_is_whole(story: Story) -> None:
    page = story.place.folder / "history.html"
    history = story.ask("registry", "history", "--html", page)
    assert history["sound"] is True
    moves = [(one["action"], one["from"], one["to"]) for one in history["entries"]]
    assert moves[:3] == [("promote", None, "1"), ("promote", "1", "3"), ("rollback", "3", "1")]
    assert all(one["completed"] for one in history["entries"])
    assert f"{MODEL}" in page.read_text(encoding="utf-8")
