"""The presets: complete, and the published one is the recipe of the paper's code."""

from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from rlr.config import Config, load_config
from rlr.config.load import DEFAULT_PRESET, preset_names

# Every constant of the published recipe.
RECIPE = {
    "features.preprocessing.height": 256,
    "features.preprocessing.width": 256,
    "features.preprocessing.mean": (0.485, 0.456, 0.406),
    "features.preprocessing.std": (0.229, 0.224, 0.225),
    "features.backbone.name": "tf_efficientnet_b6.aa_in1k",
    "features.backbone.weights": "hub",
    "features.pooling": 3,
    "model.attention": "reference",
    "model.gate": "constant",
    "model.alpha": 2.0,
    "model.ffn_ratio": 4,
    "model.references": 1,
    "model.refine": False,
    "model.bank": 0,
    "model.local": "tiled",
    "model.reference_penalty": 0.0,
    "training.jitter.strength": 4.0,
    "training.jitter.share": 1.0,
    "training.jitter.zero_share": 0.0,
    "training.jitter.scale": "token",
    "training.jitter.draw": "fixed",
    "training.jitter.dropout": 0.0,
    "training.loss.squared": 1.0,
    "training.loss.cosine": 1.0,
    "training.loss.hardness.share": 0.0,
    "training.optimizer.kind": "adam",
    "training.schedule.kind": "constant",
    "training.schedule.warmup": 0.0,
    "training.clip_norm": None,
    "training.averaging.kind": "none",
    "training.augmentation.rotate": {},
    "training.augmentation.flip": {},
    "training.augmentation.light": 0.0,
    "training.optimizer.learning_rate": 1e-4,
    "training.optimizer.betas": (0.9, 0.999),
    "training.optimizer.weight_decay": 0.0,
    "training.batch_size": 4,
    "training.epochs": 200,
    "training.stopping.enabled": False,
    "training.precision": "fp32",
    "detection.smoothing_sigma": 4.0,
    "detection.image_score": "max",
}
LEVELS = [
    {"index": 2, "blocks": None, "width": 256, "layers": 4, "heads": 8, "window": None},
    {"index": 3, "blocks": None, "width": 512, "layers": 4, "heads": 8, "window": None},
]


def value_of(config: Config, path: str) -> Any:
    return reduce(getattr, path.split("."), config)


def test_the_presets_are_these() -> None:
    assert preset_names() == ["default", "demo", "dinov2", "published", "tiny"]


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_loads_and_bears_its_name(name: str) -> None:
    assert load_config(name).name == name


@pytest.mark.parametrize("path", RECIPE)
def test_the_published_preset_is_the_published_recipe(path: str) -> None:
    assert value_of(load_config("published"), path) == RECIPE[path]


def test_the_published_levels_are_listed_one_by_one() -> None:
    levels = load_config("published").model_dump()["model"]["levels"]
    assert levels == LEVELS


def test_the_defaults_are_the_published_recipe() -> None:
    assert Config() == load_config("published") == load_config()
    assert DEFAULT_PRESET == "published"


def test_configs_at_the_top_of_the_checkout_are_the_presets(repository: Path) -> None:
    files = sorted((repository / "configs").glob("*.yaml"))
    assert [file.stem for file in files] == preset_names()
    assert all(load_config(str(file)) == load_config(file.stem) for file in files)
