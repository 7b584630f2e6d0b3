"""Feature jitter: noise on the input tokens, so that copying them is no solution."""

import torch
from torch import Tensor

from rlr.config.training import JitterConfig
from rlr.training.seeding import generator
from rlr.training.transfer import send


def jitter(
    tokens: Tensor, hashes: list[str], level: int, epoch: int, seed: int, config: JitterConfig
) -> Tensor:
    """Add noise to tokens: X' = X + N(0, 1) * scale * s, as published (||x|| / C) a token.

    The noise of an image depends on the image, the level, the epoch and the seed alone: not on
    the batch it falls into, nor on the process.

    Args:
        tokens: Clean tokens (N, L, C).
        hashes: sha256 of each image file.
        level: Index of the level.
        epoch: Number of the epoch.
        seed: Seed of the training.
        config: Strength and scale, shares of tokens with noise and set to zero, dropout.

    Returns:
        (N, L, C), a new tensor, or `tokens` itself where all noise is off.
    """
    if config.strength == config.zero_share == config.dropout == 0.0:
        return tokens
    noisy = [
        _jitter_image(image, generator(seed, "jitter", epoch, level, name), config)
        for image, name in zip(tokens, hashes, strict=True)
    ]
    return torch.stack(noisy)


def _jitter_image(tokens: Tensor, draws: torch.Generator, config: JitterConfig) -> Tensor:
    length, channels = tokens.shape
    # Drawn on the CPU, so that every device sees the same noise.
    noise = send(torch.randn(length, channels, generator=draws), tokens.device)
    scale = _scale(tokens, config)
    if config.share < 1.0:
        chosen = torch.rand(length, 1, generator=draws) < config.share
        scale = scale * send(chosen, tokens.device)
    if config.draw == "uniform":
        scale = scale * float(torch.rand((), generator=draws))
    noisy = tokens + noise * scale
    if config.zero_share > 0.0:
        dropped = torch.rand(length, 1, generator=draws) < config.zero_share
        noisy = noisy.masked_fill(send(dropped, tokens.device), 0.0)
    if config.dropout > 0.0:
        dropped = torch.rand(length, channels, generator=draws) < config.dropout
        noisy = noisy.masked_fill(send(dropped, tokens.device), 0.0) / (1.0 - config.dropout)
    return noisy


def _scale(tokens: Tensor, config: JitterConfig) -> Tensor:
    """Return the noise's deviation for the tokens (L, C): (L, 1), (1, C) or (1, 1)."""
    if config.scale == "token":
        norm: Tensor = torch.linalg.vector_norm(tokens, dim=-1, keepdim=True)
        return norm * (config.strength / tokens.shape[1])
    if config.scale == "channel":
        return tokens.std(dim=0, keepdim=True, correction=0) * config.strength
    return tokens.new_full((1, 1), config.strength)
