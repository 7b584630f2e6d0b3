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

    def losses(
        self,
        networks: nn.ModuleDict,
        at: Moment,
        count: int,
        clean: list[Tensor],
        hashes: list[str],
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield the loss of a batch in parts: from jittered tokens to the clean ones.

        The next part begins where the last one's gradients may be done: memory holds what one
        part of one level needs for them. The levels come one after the other, so that the
        gradients of the last one are not there yet while the first one is computed.

        Args:
            networks: One network a level, by its index.
            at: The step.
            count: Images of the global batch, over whose mean the loss is.
            clean: Tokens of this process's images, one tensor (N, L, C) a level.
            hashes: sha256 of each image file.

        Yields:
            Place of the level, and a scalar with gradients. The sum of a level's is its mean loss,
            as far as this process's images go.
        """
        size = self._config.training.micro_batch or max(len(hashes), 1)
        for level, ((index, network), tokens) in enumerate(
            zip(networks.items(), clean, strict=True)
        ):
            assert isinstance(network, LevelNetwork)
            for start in range(0, len(hashes), size):
                part = slice(start, start + size)
                loss = self._mean_loss(network, int(index), at, tokens[part], hashes[part])
                yield level, loss * (len(hashes[part]) / count)

    def _mean_loss(
        self, network: LevelNetwork, index: int, at: Moment, target: Tensor, hashes: list[str]
    ) -> Tensor:
        """Return the mean loss of some images on one level, with the penalty of its references."""
        config = self._config
        hardness = config.training.loss.hardness
        share = hardness.share * grown(at.step, at.steps, hardness.warmup)
        noisy = jitter(target, hashes, index, at.epoch, config.seed, config.training.jitter)
        loss = self._loss(self._compiled(network), noisy, target, (share, hardness.factor))
        return loss + config.model.reference_penalty * reference_similarity(network.reference)

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
