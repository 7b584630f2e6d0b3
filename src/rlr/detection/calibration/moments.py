"""Sums over the residuals and scores of normal images, from which the tables follow.

All sums are in float64 and add up over batches and processes, so that neither is seen in a table.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor

LEAST_SPREAD = 0.1  # of a token's score, as a share of the usual one


@dataclass(frozen=True)
class Shrinkage:
    """How far estimates from few images are drawn to those from many.

    Attributes:
        images: What one place of the grid says of n images counts n / (n + images); the rest is
            the mean over all places.
        ridge: Share of each channel's variance over all images that is mixed into a prototype's.
        smoothing: Sigma of a Gaussian over the grid, in tokens; 0: none.
    """

    images: float
    ridge: float
    smoothing: float

    def to_overall(self, table: Tensor, counts: Tensor) -> Tensor:
        """Draw the places of a table (K, L, ...), of counts (K,) images, to their mean."""
        own = (counts / (counts + self.images).clamp_min(1e-12)).reshape(
            -1, *[1] * (table.dim() - 1)
        )
        return own * table + (1.0 - own) * table.mean(dim=1, keepdim=True)

    def smooth(self, table: Tensor, grid: tuple[int, int]) -> Tensor:
        """Apply the Gaussian to each table (K, L, ...) over its grid."""
        if self.smoothing == 0.0:
            return table
        maps: np.ndarray = table.unflatten(1, grid).cpu().numpy()
        for axis in (1, 2):
            maps = gaussian_filter1d(maps, self.smoothing, axis=axis, mode="nearest")
        return torch.from_numpy(maps).to(table.device).flatten(1, 2)


class Moments:
    """Weighted sums of values and of their squares, prototype by prototype.

    Args:
        prototypes: Number of prototypes, K.
        shape: Of what is summed of an image, (L, ...).
        device: Where the values are.

    Attributes:
        counts: Weights (K,), in images.
        sums: (2, K, *shape): of values, of squares.
    """

    def __init__(self, prototypes: int, shape: tuple[int, ...], device: torch.device) -> None:
        self.counts = torch.zeros(prototypes, dtype=torch.float64, device=device)
        self.sums = torch.zeros(2, prototypes, *shape, dtype=torch.float64, device=device)

    def add(self, weights: Tensor, values: Tensor, positions: bool = True) -> None:
        """Count in what images with weights (N, K) say.

        Args:
            weights: How much of each prototype the images are (N, K).
            values: (N, L, ...).
            positions: Whether each place is summed for itself; else the mean over the places is
                summed, and L is 1 in `shape`.
        """
        shares, exact = weights.double().T, values.double()
        self.counts += shares.sum(dim=1)
        for row, powers in enumerate((exact, exact.square())):
            summed = powers if positions else powers.mean(dim=1, keepdim=True)
            self.sums[row] += torch.tensordot(shares, summed, dims=1)

    def means(self) -> tuple[Tensor, Tensor]:
        """Return the means of values and of squares (K, *shape); no image has zeros and ones."""
        counts = self.counts.reshape(-1, *[1] * (self.sums.dim() - 2))
        empty = counts == 0.0
        first, second = self.sums / counts.clamp_min(1e-12)
        return first.masked_fill(empty, 0.0), second.masked_fill(empty, 1.0)


class Products:
    """Weighted sums of residuals' outer products over all tokens, prototype by prototype."""

    def __init__(self, prototypes: int, channels: int, device: torch.device) -> None:
        self.sums = torch.zeros(prototypes, channels, channels, dtype=torch.float64, device=device)

    def add(self, weights: Tensor, residuals: Tensor) -> None:
        """Count residuals (N, L, C) of images with weights (N, K) in."""
        products = residuals.transpose(1, 2) @ residuals  # (N, C, C)
        self.sums += torch.tensordot(weights.double().T, products.double(), dims=1)


def channel_tables(
    moments: Moments, shrinkage: Shrinkage, grid: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Return mean and deviation of each channel's residual.

    Args:
        moments: Of residuals (1 or L, C).
        shrinkage: What draws estimates together.
        grid: Height and width in tokens.

    Returns:
        Two tables (K, 1 or L, C), float32.
    """
    first, second = _tables(moments, shrinkage, grid)
    variance = (second - first.square()).clamp_min(0.0)
    ridged = (1.0 - shrinkage.ridge) * variance + shrinkage.ridge * _overall_variance(moments)
    return first.float(), _positive(ridged.sqrt(), 1e-3).float()


def covariance_tables(
    moments: Moments, products: Products, length: int, shrinkage: Shrinkage
) -> tuple[Tensor, Tensor]:
    """Return mean residual, and the inverse root of the residuals' covariance.

    Args:
        moments: Of residuals (1, C).
        products: Of the same residuals.
        length: Number of tokens L.
        shrinkage: The covariance S of a prototype becomes (1 - ridge) S + ridge * D, where D is
            diagonal and holds the variances over all images.

    Returns:
        (K, 1, C) and (K, C, C), float32.
    """
    mean = moments.means()[0].squeeze(1)  # (K, C)
    counts = (moments.counts * length).clamp_min(1e-12)[:, None, None]
    covariance = products.sums / counts - mean[:, :, None] * mean[:, None, :]
    ridged = (1.0 - shrinkage.ridge) * covariance
    ridged += shrinkage.ridge * torch.diag(_overall_variance(moments))
    values, axes = torch.linalg.eigh(ridged.cpu())
    floor = (1e-6 * values.mean(dim=1, keepdim=True)).clamp_min(1e-12)
    root = axes @ torch.diag_embed(values.maximum(floor).rsqrt()) @ axes.transpose(1, 2)
    return mean[:, None, :].float(), root.float().to(mean.device)


def score_tables(
    moments: Moments, shrinkage: Shrinkage, grid: tuple[int, int], ratio: bool
) -> tuple[Tensor, Tensor]:
    """Return location and scale of the token scores.

    Args:
        moments: Of token scores (1 or L,).
        shrinkage: What draws estimates together.
        grid: Height and width in tokens.
        ratio: Whether scores are to be divided by their mean; else they lose their mean and are
            divided by their deviation.

    Returns:
        Two tables (K, 1 or L), float32.
    """
    first, second = _tables(moments, shrinkage, grid)
    if ratio:
        return torch.zeros_like(first).float(), _positive(first).float()
    return first.float(), _positive((second - first.square()).clamp_min(0.0).sqrt()).float()


def image_tables(
    scores: np.ndarray, nearest: np.ndarray, prototypes: int, shrinkage: Shrinkage, ratio: bool
) -> tuple[Tensor, Tensor]:
    """Return location and scale of the image scores of each prototype.

    The location is the median, the scale the mean absolute deviation from it. A deviation from n
    images counts n / (n + images) and the rest is that of all; a prototype without any image has
    location and scale of all.

    Args:
        scores: Of normal images (N,), float64.
        nearest: Prototype of each (N,), int64.
        prototypes: Number of prototypes, K.
        shrinkage: What draws estimates together.
        ratio: Whether scores are to be divided by their median, and nothing else.

    Returns:
        Two tables (K,), float32.
    """
    own = [scores[nearest == place] for place in range(prototypes)]
    medians = [np.median(part) if len(part) else np.median(scores) for part in own]
    away = [np.abs(part - median) for part, median in zip(own, medians, strict=True)]
    usual = float(np.concatenate(away).mean()) or float(np.abs(scores).mean()) or 1.0
    if ratio:
        location, scale = [0.0] * prototypes, [median or usual for median in medians]
    else:
        location = medians
        scale = [
            (part.sum() + shrinkage.images * usual) / max(len(part) + shrinkage.images, 1e-12)
            or usual
            for part in away
        ]
    return torch.tensor(location, dtype=torch.float32), torch.tensor(scale, dtype=torch.float32)


def _tables(moments: Moments, shrinkage: Shrinkage, grid: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return the first two moments (K, 1 or L, ...), smoothed and shrunk where there are places."""
    first, second = moments.means()
    if first.shape[1] == 1:
        return first, second
    first, second = (shrinkage.smooth(table, grid) for table in (first, second))
    counts = moments.counts
    return shrinkage.to_overall(first, counts), shrinkage.to_overall(second, counts)


def _overall_variance(moments: Moments) -> Tensor:
    """Return the variance of each channel over all images and places: moments (L, C), (C,)."""
    first, second = (moments.sums.sum(dim=1) / moments.counts.sum()).mean(dim=1)
    variance: Tensor = (second - first.square()).clamp_min(0.0)
    return variance


def _positive(scale: Tensor, least: float = LEAST_SPREAD) -> Tensor:
    """Keep scales (K, ...) away from zero, as a share of the usual one of each prototype."""
    usual = scale.flatten(1).square().mean(dim=1).sqrt()
    usual = torch.where(usual > 0.0, usual, torch.ones_like(usual))
    floor = (least * usual).reshape(-1, *[1] * (scale.dim() - 1))
    return scale.maximum(floor)
