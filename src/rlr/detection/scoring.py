"""From reconstructions to anomaly maps and image scores; the one place where scores are made."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.model import token_score

Grid = tuple[int, int]


def anomaly_map(scores: Sequence[Tensor], grids: Sequence[Grid], size: Grid) -> Tensor:
    """Up-sample the token scores of all levels to the input size, and average them.

    Args:
        scores: One tensor (N, L) a level.
        grids: Height and width in tokens of each level.
        size: Input height and width in pixels.

    Returns:
        (N, H, W): the anomaly map before smoothing.
    """
    levels = [
        F.interpolate(
            score.unflatten(1, grid).unsqueeze(1), size, mode="bilinear", align_corners=True
        ).squeeze(1)
        for score, grid in zip(scores, grids, strict=True)
    ]
    return torch.stack(levels).mean(dim=0)


def smooth(maps: np.ndarray, sigma: float) -> np.ndarray:
    """Apply a Gaussian to each map.

    Args:
        maps: (N, H, W), float32.
        sigma: In pixels; 0 leaves the maps as they are.

    Returns:
        (N, H, W), float32.
    """
    if sigma == 0.0:
        return maps
    return np.stack([gaussian_filter(single, sigma) for single in maps])


def image_scores(smoothed: np.ndarray) -> np.ndarray:
    """Return the greatest value of each smoothed map (N, H, W) as (N,)."""
    greatest: np.ndarray = smoothed.max(axis=(1, 2))
    return greatest


@torch.inference_mode()
def raw_maps(
    networks: Sequence[nn.Module], tokens: Sequence[Tensor], grids: Sequence[Grid], size: Grid
) -> np.ndarray:
    """Reconstruct each level and return the anomaly maps.

    Args:
        networks: One network a level.
        tokens: Pooled features, one tensor (N, L, C) a level.
        grids: Height and width in tokens of each level.
        size: Input height and width in pixels.

    Returns:
        (N, H, W), float32, before smoothing.
    """
    maps: np.ndarray = anomaly_map(token_scores(networks, tokens), grids, size).cpu().numpy()
    return maps


@torch.inference_mode()
def token_scores(networks: Sequence[nn.Module], tokens: Sequence[Tensor]) -> list[Tensor]:
    """Reconstruct each level and score its tokens: (N, L) a level.

    Args:
        networks: One network a level.
        tokens: Pooled features, one tensor (N, L, C) a level.
    """
    return [
        token_score(network(level).float(), level)
        for network, level in zip(networks, tokens, strict=True)
    ]
