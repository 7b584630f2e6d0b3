"""The two that are compared: this project's training, and the baseline's.

N batch, L tokens, C feature channels.
"""

import statistics
from dataclasses import dataclass
from typing import Any

import baseline
import torch
from growth.work import ALONE, RandomReader, image_set, random_images
from timing.machine import count_operations
from torch import Tensor, nn

from accelerated.device import Device, choose_products
from rlr.config import Config
from rlr.detection.artifact import build_networks
from rlr.model import reconstruction_loss
from rlr.training.describe import describe_network
from rlr.training.extractor import open_extractor
from rlr.training.store import MemoryStore
from rlr.training.trainer import Trainer

IMAGES, EPOCHS = 3629, 200  # the normal training images of MVTec AD, and the published epochs
JITTER = 4.0


@dataclass(frozen=True)
class Size:
    """How much is measured: images, and epochs after one that warms up."""

    images: int
    epochs: int


@dataclass(frozen=True)
class Outcome:
    """What a training took.

    Attributes:
        feature_seconds: Of all features, once; 0 where they are part of every epoch.
        epoch_seconds: Of an epoch, the median.
        first_epoch_seconds: Of the first one, with all compilations.
        operations: Floating-point operations of an image's training step.
        peak_mib: Peak memory.
    """

    feature_seconds: float
    epoch_seconds: float
    first_epoch_seconds: float
    operations: float
    peak_mib: float

    def row(self, size: Size, peak: float) -> dict[str, Any]:
        """Return what the table shows.

        Args:
            size: What was measured.
            peak: Operations a second that the device reaches.
        """
        each = self.epoch_seconds / size.images
        once = self.feature_seconds / size.images
        rest = max(0.0, self.first_epoch_seconds - self.epoch_seconds)
        return {
            "images_per_second": 1.0 / each,
            "features_per_second": 1.0 / once if once else None,
            "share_of_peak": self.operations / each / peak,
            "peak_mib": self.peak_mib,
            "compile_seconds": rest,
            "full_training_seconds": IMAGES * (once + EPOCHS * each) + rest,
            "extrapolated": (size.images, size.epochs) != (IMAGES, EPOCHS),
        }


def train_ours(config: Config, size: Size, device: Device) -> Outcome:
    """Train as `rlr train` does, on images that are made up; features are kept on the device."""
    choose_products(config.training.precision)
    device.forget_peak()
    side = config.features.preprocessing.height
    extractor = open_extractor(config)[0].to(device.torch)
    reader = RandomReader(extractor, side)
    reader.tokens([0])
    start = device.now()
    store = MemoryStore.fill(reader, size.images, config.features.batch_size, "features", ALONE)
    features = device.now() - start
    network = describe_network(config, extractor.shapes(side, side))
    networks = build_networks(network).to(device.torch)
    batch = store.tokens(range(config.training.batch_size))

    def step() -> None:
        for net, level in zip(networks.values(), batch, strict=True):
            reconstruction_loss(net(level), level).backward()

    operations = count_operations(step) / config.training.batch_size
    trainer = Trainer(networks, config, ALONE, device.torch)
    records = trainer.fit(image_set(size.images), store)
    times = [one.seconds if device.is_cuda else one.cpu_seconds or 0.0 for one in records]
    later = statistics.median(times[1:])
    return Outcome(features, later, times[0], operations, device.peak_mib())


def train_baseline(config: Config, size: Size, device: Device) -> Outcome:
    """Train as the published code does."""
    choose_products(config.training.precision)
    device.forget_peak()
    side, size_of_batch = config.features.preprocessing.height, config.training.batch_size
    levels = [level.index for level in config.model.levels]
    backbone = baseline.BaselineBackbone(config.features.backbone.name, levels).to(device.torch)
    shapes = open_extractor(config)[0].shapes(side, side)
    ours = build_networks(describe_network(config, shapes))
    networks = nn.ModuleList(baseline.BaselineNetwork(net.sizes) for net in ours.values())
    networks.to(device.torch)
    optimizer = baseline.build_optimizer(networks)
    half = config.training.precision == "bf16"

    def step(images: Tensor) -> None:
        optimizer.zero_grad()
        clean = backbone(images)
        for net, level in zip(networks, clean, strict=True):
            noise = torch.randn_like(level) * level.norm(dim=-1, keepdim=True)
            with torch.autocast(device.torch.type, torch.bfloat16, enabled=half):
                output = net(level + noise * (JITTER / level.shape[-1]))
            baseline.reconstruction_loss(output.float(), level).backward()
        optimizer.step()

    def batch() -> Tensor:
        pixels = torch.from_numpy(random_images(size_of_batch, side)).to(device.torch)
        return (pixels.permute(0, 3, 1, 2).float() / 255.0 - 0.45) / 0.23  # (N, 3, H, W)

    operations = count_operations(lambda: step(batch())) / size_of_batch
    seconds = device.seconds(lambda: step(batch())) / size_of_batch * size.images
    return Outcome(0.0, seconds, seconds, operations, device.peak_mib())
