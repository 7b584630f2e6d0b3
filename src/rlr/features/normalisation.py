"""One scale for all channels of a level, from the normal training images.

Channels of a backbone differ in spread by orders of magnitude. Left as they are, the squared error
is that of the few widest channels, and its size next to 1 - cosine is the backbone's accident.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

LEAST_SPREAD = 0.1  # of a channel, as a share of the level's usual one: some are all but constant


@dataclass(frozen=True)
class ChannelNormalisation:
    """Mean and scale of each channel: x' = (x - mean) / scale.

    Attributes:
        means: One tensor (C,) a level, float32.
        scales: One tensor (C,) a level, float32, positive.
    """

    means: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]

    def apply(self, tokens: Sequence[Tensor]) -> list[Tensor]:
        """Normalise tokens (N, L, C) of each level."""
        return [
            (level - mean) / scale
            for level, mean, scale in zip(tokens, self.means, self.scales, strict=True)
        ]

    def invert(self, tokens: Sequence[Tensor]) -> list[Tensor]:
        """Return what normalised tokens (N, L, C) of each level were made of."""
        return [
            level * scale + mean
            for level, mean, scale in zip(tokens, self.means, self.scales, strict=True)
        ]

    def to(self, device: torch.device) -> "ChannelNormalisation":
        """Return the same on another device."""
        return ChannelNormalisation(
            tuple(mean.to(device) for mean in self.means),
            tuple(scale.to(device) for scale in self.scales),
        )


class ChannelMoments:
    """Sums over tokens as they stream by, from which mean and spread of each channel follow.

    Args:
        channels: Number of channels C of each level.
        device: Where the tokens are.
    """

    def __init__(self, channels: Sequence[int], device: torch.device) -> None:
        # Rows: number of tokens, their sum, the sum of their squares; in float64, so that neither
        # the batches nor the processes that share them out are seen in the result.
        self.sums = [
            torch.zeros(3, count, dtype=torch.float64, device=device) for count in channels
        ]

    def add(self, tokens: Sequence[Tensor]) -> None:
        """Count tokens (N, L, C) of each level in."""
        for sums, level in zip(self.sums, tokens, strict=True):
            exact = level.double()
            sums[0] += level.shape[0] * level.shape[1]
            sums[1] += exact.sum(dim=(0, 1))
            sums[2] += exact.square().sum(dim=(0, 1))

    def spreads(self) -> list[tuple[Tensor, Tensor]]:
        """Return mean and standard deviation of each channel, (C,) float64 each, level by level."""
        found = []
        for count, total, squares in self.sums:
            mean = total / count
            found.append((mean, (squares / count - mean.square()).clamp_min(0.0).sqrt()))
        return found

    def normalisation(self) -> ChannelNormalisation:
        """Return what the tokens say, with a floor on the scale of nearly constant channels."""
        means, scales = [], []
        for mean, spread in self.spreads():
            usual = float(spread.square().mean().sqrt()) or 1.0
            means.append(mean.float())
            scales.append(spread.clamp_min(LEAST_SPREAD * usual).float())
        return ChannelNormalisation(tuple(means), tuple(scales))
