"""What is done at each point of the curves: a small backbone and small networks, all of them real.

N batch, L tokens, C feature channels.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from timing.machine import count_operations
from torch import Tensor

from rlr.config import Config, load_config
from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.detection.artifact import Networks, build_networks
from rlr.detection.scoring import Scorer
from rlr.features import FeatureExtractor
from rlr.model import LevelNetwork, LevelSizes, published_window, reconstruction_loss
from rlr.model.sizes import LocalKind
from rlr.training.describe import describe_network, describe_scoring
from rlr.training.extractor import open_extractor
from rlr.training.store import ImageSet, MemoryStore
from rlr.training.team import Team
from rlr.training.train import train
from rlr.training.trainer import Trainer

BATCH = 4
ROUNDS = 3
GIGA = 1e9
CPU = torch.device("cpu")
ALONE = Team(0, 1)


def settings(side: int, *overrides: str) -> Config:
    """Return a small configuration of two levels, for images of `side` pixels."""
    backbone = "{name: resnet18, weights: random}"
    levels = "[{index: 2, width: 64, layers: 2, heads: 4}, {index: 3, width: 96, layers: 2}]"
    return load_config(
        "published",
        [
            f"features.backbone={backbone}",
            f"features.preprocessing={{height: {side}, width: {side}}}",
            f"model.levels={levels}",
            "model.local=tiled",
            "training.epochs=1",
            f"training.batch_size={BATCH}",
            "training.device=cpu",
            *overrides,
        ],
    )


def random_images(count: int, side: int) -> np.ndarray:
    """Return images (N, H, W, 3), uint8."""
    draws = np.random.default_rng(0)
    return draws.integers(0, 256, (count, side, side, 3), dtype=np.uint8)


class RandomReader:
    """A store that makes its images up instead of reading them, and runs the backbone."""

    def __init__(self, extractor: FeatureExtractor, side: int) -> None:
        self._extractor, self._side = extractor, side

    def tokens(self, places: Sequence[int]) -> list[Tensor]:
        """Return one tensor (N, L, C) a level."""
        found = self._extractor(random_images(len(places), self._side))
        return [level.clone() for level in found]

    def stream(self, batches: Sequence[Sequence[int]]) -> Iterator[list[Tensor]]:
        """Yield the tokens of each batch in turn."""
        for batch in batches:
            yield self.tokens(batch)


@cache
def extractor_of(side: int) -> FeatureExtractor:
    """Return the extractor for a size of image."""
    return open_extractor(settings(side))[0]


def networks_of(config: Config) -> Networks:
    """Return fresh networks for a configuration."""
    size = config.features.preprocessing
    shapes = extractor_of(size.height).shapes(size.height, size.width)
    torch.manual_seed(0)
    return build_networks(describe_network(config, shapes))


def image_set(count: int) -> ImageSet:
    """Return names of images that lie nowhere."""
    names = [f"{place:064x}" for place in range(count)]
    return ImageSet([Path(name) for name in names], names, ["a"] * count, names)


def of_images(count: int, side: int = 96) -> dict[str, float]:
    """Compute the features of so many images and keep them, then train for an epoch."""
    config = settings(side)
    reader = RandomReader(extractor_of(side), side)
    reader.tokens([0])  # warms up
    start = time.process_time()
    store = MemoryStore.fill(reader, count, 16, "features", ALONE)
    features = time.process_time() - start
    trainer = Trainer(networks_of(config), config, ALONE, CPU)
    records = trainer.fit(image_set(count), store)
    return {"features_s": features, "epoch_s": records[0].cpu_seconds or 0.0}


def of_classes(count: int, images: int = 64) -> dict[str, float]:
    """Train on the same number of images, of so many classes, from files to thresholds."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "set"
        pixels = random_images(images, 64)
        for place, image in enumerate(pixels):
            file = root / f"class-{place % count:02d}/train/good/{place:03d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(file)
        manifest = index_images(DataConfig(validation_fraction=0.25), root, version="made-up")
        start = time.process_time()
        train(load_config("tiny", ["training.device=cpu"]), manifest, Path(folder) / "train")
        return {"training_s": time.process_time() - start}


def of_input(side: int) -> dict[str, float]:
    """Take features, a training step and a whole inference of images of so many pixels a side."""
    config = settings(side)
    extractor, networks = extractor_of(side), networks_of(config)
    images, one = random_images(BATCH, side), random_images(1, side)
    tokens = [level.clone() for level in extractor(images)]
    network = describe_network(config, extractor.shapes(side, side))
    scorer = Scorer(describe_scoring(config), network.levels, (side, side))

    def step() -> None:
        for net, level in zip(networks.values(), tokens, strict=True):
            reconstruction_loss(net(level), level).backward()

    def infer() -> None:
        maps = scorer.raw_maps(networks, extractor(one))
        scorer.image_scores(scorer.smooth(maps))

    return {
        "features_s": seconds(lambda: extractor(images)) / BATCH,
        "step_s": seconds(step) / BATCH,
        "inference_s": seconds(infer),
        "features_gflop": count_operations(lambda: extractor(images)) / BATCH / GIGA,
        "step_gflop": count_operations(step) / BATCH / GIGA,
    }


def of_grid(side: int, local: LocalKind) -> dict[str, float]:
    """Take a training step and a reconstruction of one level of side x side tokens."""
    grid = (side, side)
    torch.manual_seed(0)
    net = LevelNetwork(LevelSizes(grid, 64, 64, 2, 4, published_window(grid), local=local))
    tokens = torch.randn(BATCH, side * side, 64)

    def step() -> None:
        net.zero_grad()
        reconstruction_loss(net(tokens), tokens).backward()

    @torch.inference_mode()
    def reconstruct() -> None:
        net(tokens[:1])

    return {
        "step_s": seconds(step) / BATCH,
        "inference_s": seconds(reconstruct),
        "step_gflop": count_operations(step) / BATCH / GIGA,
    }


def seconds(work: Callable[[], object]) -> float:
    """Return the processor time of a call: the median of a few, after one that warms up."""
    work()
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)
