"""What a benchmark would run, before anything is: images, runs, and the memory they take."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.foundation.documents import RESULT_FILE
from rlr.foundation.errors import UserError
from rlr.orchestration.benchmark.features import Features, describe_features, free_gibibytes
from rlr.orchestration.benchmark.images import CategoryCounts, count_images, notes_on
from rlr.orchestration.benchmark.request import Request

RUNS_FOLDER = "runs"


@dataclass(frozen=True)
class Plan:
    """A benchmark that can be run.

    Attributes:
        request: What was asked for.
        counts: Images of each category.
        notes: How they differ from the official set; []: they do not, as far as is known.
        features: What the features of each preset are.
    """

    request: Request
    counts: Mapping[str, CategoryCounts]
    notes: list[str]
    features: Mapping[str, Features]

    @property
    def complete(self) -> bool:
        """Whether the images are the official set, so that means may stand beside quoted ones."""
        return not self.notes

    def require_memory(self) -> None:
        """Refuse presets whose features do not fit, before hours of training of another one.

        Raises:
            UserError: The cached features of a preset take more than the free memory.
        """
        for preset in self.request.sources:
            config = self.request.config(preset, self.request.seeds[0])
            if config.features.cache != "memory":
                continue
            size, free = (
                self.features[preset].gibibytes(self._train_images()),
                free_gibibytes(config),
            )
            if size > free:
                raise UserError(
                    f"{preset}: features of {self._train_images()} training images take "
                    f"{size:.1f} GiB, more than the {free:.1f} GiB of free memory; add "
                    "--set features.cache=disk, or run it on a greater machine."
                )

    def as_dict(self) -> dict[str, Any]:
        """Return the plan as a document."""
        request = self.request
        return {
            "dataset": request.name,
            "title": request.dataset.title,
            "root": str(request.root),
            "layout": request.dataset.layout_of(request.root),
            "output": str(request.output),
            "command": request.command(),
            "categories": {name: found.as_dict() for name, found in self.counts.items()},
            "official_set": self.complete,
            "notes": self.notes,
            "presets_not_in_this_build": request.left_out,
            "presets": [self._preset(name) for name in request.sources],
        }

    def _preset(self, name: str) -> dict[str, Any]:
        request = self.request
        config = request.config(name, request.seeds[0])
        size = config.features.preprocessing
        return {
            "preset": name,
            "input": [size.height, size.width],
            "backbone": config.features.backbone.name,
            "weights": config.features.backbone.weights,
            "epochs": config.training.epochs,
            "features_gib": round(self.features[name].gibibytes(self._train_images()), 3),
            "features_kept": config.features.cache != "off",
            "free_gib": round(free_gibibytes(config), 3),
            "seeds": {str(seed): self._state(name, seed) for seed in request.seeds},
        }

    def _state(self, preset: str, seed: int) -> str:
        folder = run_folder(self.request.output, preset, seed)
        if (folder / RESULT_FILE).is_file():
            return "finished"
        return "begun" if folder.is_dir() else "to do"

    def _train_images(self) -> int:
        return sum(found.train for found in self.counts.values())


def make_plan(request: Request, with_weights: bool = False) -> Plan:
    """Look at images and presets.

    Args:
        request: What was asked for.
        with_weights: Whether the weights of the backbones are looked for, too.

    Raises:
        UserError: Images, presets or overrides are not as they should be.
    """
    request.check()
    configs = {name: request.config(name, request.seeds[0]) for name in request.sources}
    counts = count_images(request.data_of(next(iter(configs))), request.dataset)
    return Plan(
        request,
        counts,
        notes_on(request.dataset, counts),
        {name: describe_features(config, with_weights) for name, config in configs.items()},
    )


def run_folder(output: Path, preset: str, seed: int) -> Path:
    """Return where a run is kept."""
    return output / RUNS_FOLDER / preset / f"seed-{seed}"
