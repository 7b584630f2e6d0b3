"""Whole epochs, from image files to the last step: the baseline's and this project's.

N batch, H height, W width.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from baseline import BaselineBackbone
from PIL import Image

from rlr.config import Config, load_config
from rlr.detection.artifact import Networks, build_networks
from rlr.features import FeatureExtractor
from rlr.foundation.documents import file_sha256
from rlr.training.describe import describe_network
from rlr.training.disk import open_stores
from rlr.training.extractor import open_extractor
from rlr.training.seeding import generator
from rlr.training.store import FeatureStore, ImageSet
from rlr.training.team import Team
from rlr.training.trainer import Trainer
from timing.work import BACKBONE, BaselineStep, normalised

ALONE = Team(0, 1)
CPU = torch.device("cpu")


def epoch_settings(overrides: Sequence[str] = ()) -> Config:
    """Return the published recipe, of one epoch without jitter, on random weights."""
    return load_config(
        "published",
        [
            f"features.backbone={{name: {BACKBONE}, weights: random}}",
            "training.epochs=1",
            "training.jitter.strength=0.0",
            "training.device=cpu",
            *overrides,
        ],
    )


def draw_images(folder: Path, count: int, side: int) -> ImageSet:
    """Draw noise pictures of side x side pixels."""
    draws = np.random.default_rng(0)
    folder.mkdir(parents=True)
    paths = [folder / f"{number:03d}.png" for number in range(count)]
    for path in paths:
        pixels = draws.integers(0, 256, (side, side, 3), dtype=np.uint8)  # (H, W, 3)
        Image.fromarray(pixels).save(path)
    return ImageSet(paths, [file_sha256(path) for path in paths], ["a"] * count, ["a"] * count)


def open_fresh(config: Config) -> tuple[FeatureExtractor, Networks]:
    """Return extractor and networks, always with the same weights."""
    extractor, _ = open_extractor(config)
    size = config.features.preprocessing
    torch.manual_seed(config.seed)
    shapes = extractor.shapes(size.height, size.width)
    return extractor, build_networks(describe_network(config, shapes))


class BaselineEpochs:
    """The baseline's epochs: every image is read and goes through the backbone in each.

    Args:
        config: Sizes, images a step, and the seed of all weights and of the order.
        images: The images, of the input size.
    """

    def __init__(self, config: Config, images: ImageSet) -> None:
        self._config, self._images = config, images
        extractor, networks = open_fresh(config)
        levels = [level.index for level in config.model.levels]
        self._backbone = BaselineBackbone(config.features.backbone.name, levels)
        self._backbone.network.load_state_dict(extractor.backbone.network.state_dict())
        self._step = BaselineStep(like=list(networks.values()))

    def epoch(self) -> float:
        """Train on each image once; return the mean loss, summed over the levels."""
        total, draws = 0.0, generator(self._config.seed, "order", 1)
        order = torch.randperm(len(self._images), generator=draws)
        for places in order.split(self._config.training.batch_size):
            pixels = [np.array(Image.open(self._images.paths[place])) for place in places]
            self._step.tokens = self._backbone(normalised(torch.from_numpy(np.stack(pixels))))
            total += sum(self._step()) * len(places)
        return total / len(self._images)


class OurEpochs:
    """This project's epochs: its stores of features, and its training.

    Args:
        config: The configuration, of one epoch.
        images: The images.
        cache: `features.cache`.
        folder: `features.disk.folder`; each first epoch finds it empty.
    """

    def __init__(self, config: Config, images: ImageSet, cache: str, folder: Path) -> None:
        kept = [f"features.cache={cache}", f"features.disk.folder={folder}"]
        self._config = load_config(config.as_yaml(), kept)
        self._images, self._folder = images, folder
        self._extractor, networks = open_fresh(self._config)
        self._trainer = Trainer(networks, self._config, ALONE, CPU)
        self._store: FeatureStore | None = None

    def first(self) -> float:
        """Train for an epoch on features that nobody has computed yet; return its loss."""
        self._store = None  # lets go of the files
        shutil.rmtree(self._folder, ignore_errors=True)
        sets = {"training images": self._images}
        (self._store,) = open_stores(sets, self._extractor, self._config, ALONE)
        return self.later()

    def later(self) -> float:
        """Train for another epoch on what the first one has kept; return its loss."""
        if self._store is None:
            raise RuntimeError("the first epoch comes first")
        return self._trainer.fit(self._images, self._store)[-1].loss
