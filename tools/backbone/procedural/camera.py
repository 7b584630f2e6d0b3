"""What stands between a scene and its file: light, colour, blur, noise, compression."""

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

BLOCK = 8


def photograph(clean: Tensor, rng: torch.Generator, light: float) -> Tensor:
    """Take a picture of scenes.

    Args:
        clean: (B, 3, S, S), 0 to 1.
        rng: All draws.
        light: How much light and colour vary from picture to picture; 1 is much, 0 not at all.

    Returns:
        The same shape and range.
    """
    count, _, side, _ = clean.shape

    def uniform(low: float, high: float, channels: int = 1) -> Tensor:
        return low + (high - low) * torch.rand(count, channels, 1, 1, generator=rng)

    def chance(share: float) -> Tensor:
        return torch.rand(count, 1, 1, 1, generator=rng) < share

    uneven = F.interpolate(torch.randn(count, 1, 3, 3, generator=rng), (side, side), mode="bicubic")
    images = clean * (1 + light * uniform(0, 0.2) * uneven)
    cast = 1 + light * 0.12 * torch.randn(count, 3, 1, 1, generator=rng) * chance(0.6)
    gain = 1 + light * uniform(-0.4, 0.3)
    images = (images * gain * cast + light * uniform(-0.08, 0.08)).clamp(1e-4, 1)
    images = images ** torch.exp(light * 0.3 * torch.randn(count, 1, 1, 1, generator=rng))
    grey = images.mean(1, keepdim=True)
    images = torch.where(chance(0.25), grey, images)
    soft = soften(images)
    softer = soften(soft)
    share = uniform(0, 1) * chance(0.5)
    images = images * (1 - share) + torch.where(chance(0.5), soft, softer) * share
    level = uniform(0, 0.05) * chance(0.6)
    images = images + level * torch.randn(images.shape, generator=rng)
    packed = chance(0.3).flatten().nonzero().flatten()
    images[packed] = _compressed(images[packed], uniform(0.01, 0.12)[packed])
    return images.clamp(0, 1)


def soften(images: Tensor) -> Tensor:
    """Blur by 1-2-1 along both sides; sums of slices are many times faster than pooling here."""
    wide = F.pad(images, (1, 1, 0, 0), mode="replicate")
    rows = (wide[..., :-2] + 2 * images + wide[..., 2:]) / 4
    high = F.pad(rows, (0, 0, 1, 1), mode="replicate")
    return (high[..., :-2, :] + 2 * rows + high[..., 2:, :]) / 4


@cache
def _cosines() -> Tensor:
    """Return the orthonormal cosine transform of a block's side: (8, 8)."""
    k, n = torch.arange(BLOCK)[:, None], torch.arange(BLOCK)[None, :]
    basis = torch.cos(math.pi * (2 * n + 1) * k / (2 * BLOCK)) * math.sqrt(2 / BLOCK)
    basis[0] /= math.sqrt(2)
    return basis


def _compressed(images: Tensor, step: Tensor) -> Tensor:
    """Round the cosine coefficients of 8 x 8 blocks, high ones more coarsely, as JPEG does."""
    count, channels, side, _ = images.shape
    basis = _cosines()
    blocks = images.reshape(count, channels, side // BLOCK, BLOCK, side // BLOCK, BLOCK)
    coefficients = torch.einsum("ai,bcpiqj,dj->bcpqad", basis, blocks, basis)
    order = torch.arange(BLOCK)
    steps = step[..., None, None] * (1 + order[:, None] + order[None, :]).float()
    coefficients = (coefficients / steps).round() * steps
    restored = torch.einsum("ai,bcpqad,dj->bcpiqj", basis, coefficients, basis)
    return restored.reshape(images.shape)
