"""Features of the part of an image that is not anomalous, for comparing batches of images."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


@torch.inference_mode()
def normal_features(tokens: Sequence[Tensor], scores: Sequence[Tensor], share: float) -> np.ndarray:
    """Average the least anomalous tokens of each image, level by level.

    A defect that covers less than the other tokens hardly moves them; another light, a blur or
    another background moves all of them.

    Args:
        tokens: Pooled features, one tensor (N, L, C) a level.
        scores: Token scores, one tensor (N, L) a level.
        share: Share of the tokens that is kept, 0 < share <= 1.

    Returns:
        (N, F), float64; F is the number of channels of all levels together.
    """
    parts = []
    for level, score in zip(tokens, scores, strict=True):
        kept = math.ceil(share * score.shape[1])
        places = score.argsort(dim=1, stable=True)[:, :kept]
        chosen = level.gather(1, places[:, :, None].expand(-1, -1, level.shape[2]))
        parts.append(chosen.double().mean(dim=1))
    features: np.ndarray = torch.cat(parts, dim=1).cpu().numpy()
    return features
