"""What a user asks for, and the configuration that it comes to for each preset and seed."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from rlr.config import Config, load_config
from rlr.config.data import DataConfig
from rlr.config.load import preset_names
from rlr.foundation.errors import UserError
from rlr.orchestration.benchmark.datasets import DATASETS, Dataset
from rlr.orchestration.benchmark.protocol import (
    FIXED,
    STARTING_POINT,
    needs_validation,
    refuse_fixed,
)

PRESETS = ("published", "default", "dinov2")
SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Request:
    """A benchmark, as it was asked for.

    Attributes:
        name: Name of the set.
        root: Folder that its archive unpacked to.
        output: Folder to write; runs that are finished there are not made again.
        presets: Presets or YAML files; (): those of `PRESETS` that this build has.
        seeds: Seeds, one run each.
        categories: Categories to use; (): all that lie there.
        overrides: `key=value` each, for all presets.
    """

    name: str
    root: Path
    output: Path
    presets: tuple[str, ...] = ()
    seeds: tuple[int, ...] = SEEDS
    categories: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()

    @property
    def dataset(self) -> Dataset:
        """The set."""
        return DATASETS[self.name]

    @cached_property
    def sources(self) -> dict[str, str]:
        """What is compared, by its name in tables: a preset, or a YAML file.

        Raises:
            UserError: Two have one name, or there are none.
        """
        wanted = self.presets or tuple(name for name in PRESETS if name in preset_names())
        named: dict[str, str] = {}
        for source in wanted:
            name = source if source in preset_names() else Path(source).stem
            if name in named:
                raise UserError(f"--presets: {name} is named twice; leave one out.")
            named[name] = source
        return named

    @property
    def left_out(self) -> list[str]:
        """Presets that belong to the benchmark and are not in this build."""
        return [] if self.presets else [name for name in PRESETS if name not in preset_names()]

    def check(self) -> None:
        """Refuse what cannot be run, before anything is.

        Raises:
            UserError: A preset is unknown, a seed is given twice, or an override is refused.
        """
        refuse_fixed(self.overrides)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise UserError("--seeds: name each seed once, such as 0,1,2.")
        data = {name: self.data_of(name) for name in self.sources}
        first, *others = data.values()
        if any(other != first for other in others):
            raise UserError(
                f"--presets: {' and '.join(data)} differ in their section data, so they would not "
                "see the same images; give what is meant by --set."
            )

    def config(self, preset: str, seed: int) -> Config:
        """Return the configuration of one run.

        A preset that needs images set aside, because it calibrates or stops on them, keeps its
        share of them; every other one is trained on all.

        Raises:
            UserError: The preset is unknown, or a key or a value is refused.
        """
        places = {
            "data.root": str(self.root),
            "data.layout": self.dataset.layout_of(self.root),
            "data.classes": sorted(self.categories) or None,
            "data.version": None,
            "seed": seed,
        }
        given = [*self.overrides, *_as_overrides(FIXED), *_as_overrides(places)]
        config = load_config(self.sources[preset], given)
        if needs_validation(config):
            return config
        return load_config(self.sources[preset], [*_as_overrides(STARTING_POINT), *given])

    def data_of(self, preset: str) -> DataConfig:
        """Return what a preset says of the images, with nothing set aside.

        Raises:
            UserError: The preset is unknown, or a key or a value is refused.
        """
        data = self.config(preset, self.seeds[0]).data
        return data.model_copy(update={"validation_fraction": 0.0})

    def command(self) -> str:
        """Return the command that asks for it."""
        words = ["rlr", "benchmark", self.name, "--root", str(self.root)]
        words += ["--presets", ",".join(self.sources.values())]
        words += ["--seeds", ",".join(map(str, self.seeds))]
        if self.categories:
            words += ["--categories", ",".join(self.categories)]
        for override in self.overrides:
            words += ["--set", override]
        return shlex.join(words)


def _as_overrides(values: Mapping[str, Any]) -> list[str]:
    return [f"{key}={json.dumps(value)}" for key, value in values.items()]
