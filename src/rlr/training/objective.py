"""What a training minimises, and what it is validated by."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rlr.config import Config
from rlr.model import LevelNetwork, reconstruction_loss, reference_similarity
from rlr.training.compiling import Call, Compiler
from rlr.training.jitter import jitter
from rlr.training.schedule import grown
from rlr.training.store import FeatureStore

Easy = tuple[float, float]  # share of the tokens, factor of their gradients


@dataclass(frozen=True)
class Moment:
    """A step of a training.

    Attributes:
        epoch: Number of its epoch, from 1.
        step: Its number over all epochs, from 0.
        steps: Steps of the whole training.
    """

    epoch: int
    step: int
    steps: int


class Objective:
    """The losses of networks.

    Args:
        config: Loss, jitter, precision, compilation and seed.
        device: Where the networks are.
    """

    def __init__(self, config: Config, device: torch.device) -> None:
        self._config = config
        self._device = device
        self._compiled = Compiler(config.training.compile)

    def level_losses(
        self, networks: nn.ModuleDict, at: Moment, clean: list[Tensor], hashes: list[str]
    ) -> Iterator[Tensor]:
        """Yield the mean loss of a batch, level by level: from jittered tokens to the clean ones.

        The next level's begins where the last one's gradients may be done: memory holds what one
        level needs for them, not what all do.

        Args:
            networks: One network a level, by its index.
            at: The step.
            clean: Tokens of the batch, one tensor (N, L, C) a level.
            hashes: sha256 of each image file.

        Yields:
            Scalars, with gradients.
        """
        config = self._config
        hardness = config.training.loss.hardness
        share = hardness.share * grown(at.step, at.steps, hardness.warmup)
        for (index, network), target in zip(networks.items(), clean, strict=True):
            noisy = jitter(
                target, hashes, int(index), at.epoch, config.seed, config.training.jitter
            )
            called = self._compiled(network)
            loss = self._loss(called, noisy, target, (share, hardness.factor))
            penalty = config.model.reference_penalty
            assert isinstance(network, LevelNetwork)
            yield loss + penalty * reference_similarity(network.reference)

    @torch.no_grad()
    def validation_loss(self, networks: nn.ModuleDict, count: int, store: FeatureStore) -> float:
        """Return the mean loss of images without jitter, summed over the levels.

        Args:
            networks: One network a level; in training mode before and after.
            count: Number of images.
            store: Their features.
        """
        total = 0.0
        size = self._config.features.batch_size
        networks.eval()
        for start in range(0, count, size):
            places = range(start, min(start + size, count))
            for network, target in zip(networks.values(), store.tokens(places), strict=True):
                total += float(self._loss(network, target, target)) * len(places)
        networks.train()
        return total / count

    def _loss(
        self, network: Call, tokens: Tensor, target: Tensor, easy: Easy = (0.0, 1.0)
    ) -> Tensor:
        weights = self._config.training.loss
        enabled = self._config.training.precision == "bf16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=enabled):
            output = network(tokens)
        return reconstruction_loss(output.float(), target, weights.squared, weights.cosine, easy)
