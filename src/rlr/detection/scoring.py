"""From reconstructions to anomaly maps and image scores; the one place where scores are made."""

from collections.abc import Sequence

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.detection.calibration import Calibration, LevelTables
from rlr.detection.spec import Fusion, LevelSpec, ScoringSpec
from rlr.model import token_score

Grid = tuple[int, int]


class Scorer:
    """Makes the scores of one detector: for its thresholds, its predictions and its drift alike.

    Args:
        scoring: How scores are made.
        levels: Index and grid of each level.
        size: Input height and width in pixels.
        calibration: What they are held against; None: nothing.

    Example:
        >>> scorer = Scorer(spec.scoring, spec.network.levels, (256, 256))  # doctest: +SKIP
        >>> maps = scorer.smooth(scorer.raw_maps(networks, tokens))  # doctest: +SKIP
        >>> scorer.image_scores(maps)  # doctest: +SKIP
    """

    def __init__(
        self,
        scoring: ScoringSpec,
        levels: Sequence[LevelSpec],
        size: Grid,
        calibration: Calibration | None = None,
    ) -> None:
        self._scoring = scoring
        self._indices = [str(level.index) for level in levels]
        self._grids = [level.grid for level in levels]
        self._size = size
        self._calibration = calibration

    @torch.inference_mode()
    def token_scores(self, networks: nn.ModuleDict, tokens: Sequence[Tensor]) -> list[Tensor]:
        """Reconstruct each level and score its tokens.

        Args:
            networks: The networks, by the index of their level.
            tokens: What they reconstruct, one tensor (N, L, C) a level.

        Returns:
            One tensor (N, L) a level.
        """
        return self.score_tokens(self.reconstruct(networks, tokens), tokens)

    @torch.inference_mode()
    def reconstruct(self, networks: nn.ModuleDict, tokens: Sequence[Tensor]) -> list[Tensor]:
        """Return the reconstruction (N, L, C) of each level's tokens (N, L, C)."""
        return [
            networks[index](level).float()
            for index, level in zip(self._indices, tokens, strict=True)
        ]

    @torch.inference_mode()
    def score_tokens(
        self, reconstructions: Sequence[Tensor], tokens: Sequence[Tensor]
    ) -> list[Tensor]:
        """Score the tokens (N, L, C) of each level by their reconstructions (N, L, C): (N, L)."""
        scoring, calibration = self._scoring, self._calibration
        pairs = list(zip(reconstructions, tokens, strict=True))
        if calibration is None:
            return [token_score(*pair, scoring.squared, scoring.cosine) for pair in pairs]
        weights = calibration.weigh(tokens)
        scores = []
        for pair, tables in zip(pairs, calibration.levels, strict=True):
            squared, cosine = tables.standardise(*score_terms(*pair, tables, weights), weights)
            scores.append(squared * scoring.squared + cosine * scoring.cosine)
        return scores

    @torch.inference_mode()
    def raw_maps(self, networks: nn.ModuleDict, tokens: Sequence[Tensor]) -> np.ndarray:
        """Reconstruct each level and return the anomaly maps (N, H, W), float32, unsmoothed."""
        return self.maps_of(self.token_scores(networks, tokens), tokens)

    @torch.inference_mode()
    def maps_of(self, scores: Sequence[Tensor], tokens: Sequence[Tensor]) -> np.ndarray:
        """Return the anomaly maps before smoothing.

        Args:
            scores: Scores of the tokens, one tensor (N, L) a level.
            tokens: The tokens, one tensor (N, L, C) a level.

        Returns:
            (N, H, W), float32.
        """
        scoring = self._scoring
        maps = anomaly_map(scores, self._grids, self._size, scoring.level_weights, scoring.fusion)
        if self._calibration is not None:
            maps = self._calibration.standardise_maps(maps, self._calibration.weigh(tokens))
        plain: np.ndarray = maps.cpu().numpy()
        return plain

    def smooth(self, maps: np.ndarray) -> np.ndarray:
        """Smooth anomaly maps (N, H, W), float32, with the detector's Gaussian."""
        return smooth(maps, self._scoring.smoothing_sigma)

    def image_scores(self, smoothed: np.ndarray) -> np.ndarray:
        """Return the image scores (N,) of smoothed maps (N, H, W)."""
        share = self._scoring.top_share if self._scoring.image_score == "top_share" else 0.0
        return image_scores(smoothed, share)


def score_terms(
    reconstruction: Tensor, features: Tensor, tables: LevelTables, weights: Tensor
) -> tuple[Tensor, Tensor]:
    """Return both terms of the token scores, the residuals whitened where there are tables for it.

    Args:
        reconstruction: (N, L, C).
        features: (N, L, C), without jitter.
        tables: What the residuals are held against.
        weights: How much of each prototype the images are (N, K).

    Returns:
        Mean squared errors, and 1 - cosine similarities, (N, L) each.
    """
    residual = tables.whiten(reconstruction - features, weights)
    return (
        residual.square().mean(dim=-1),
        1.0 - F.cosine_similarity(reconstruction, features, dim=-1),
    )


def anomaly_map(
    scores: Sequence[Tensor],
    grids: Sequence[Grid],
    size: Grid,
    weights: Sequence[float] | None = None,
    fusion: Fusion = "mean",
) -> Tensor:
    """Up-sample the token scores of all levels to the input size, and make one map of them.

    Args:
        scores: One tensor (N, L) a level.
        grids: Height and width in tokens of each level.
        size: Input height and width in pixels.
        weights: One a level; None: all count alike.
        fusion: mean; geometric: of positive scores; max: the greatest, each times its weight.

    Returns:
        (N, H, W): the anomaly map before smoothing.
    """
    levels = torch.stack(
        [
            F.interpolate(
                score.unflatten(1, grid).unsqueeze(1), size, mode="bilinear", align_corners=True
            ).squeeze(1)
            for score, grid in zip(scores, grids, strict=True)
        ]
    )  # (levels, N, H, W)
    if fusion == "geometric":
        levels = levels.clamp_min(torch.finfo(levels.dtype).tiny).log()
    if weights is not None:
        shares = levels.new_tensor(weights) / sum(weights) * len(weights)  # 1 in the mean
        levels = levels * shares[:, None, None, None]
    if fusion == "max":
        return levels.amax(dim=0)
    fused = levels.mean(dim=0)
    return fused.exp() if fusion == "geometric" else fused


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


def image_scores(smoothed: np.ndarray, top_share: float = 0.0) -> np.ndarray:
    """Return the greatest value of each smoothed map, or the mean of its greatest values.

    Args:
        smoothed: (N, H, W), float32.
        top_share: Share of the pixels in that mean; 0: the greatest alone.

    Returns:
        (N,), float32.
    """
    flat = smoothed.reshape(len(smoothed), -1)
    count = max(1, round(top_share * flat.shape[1]))
    if count == 1:
        greatest: np.ndarray = smoothed.max(axis=(1, 2))
        return greatest
    means: np.ndarray = np.partition(flat, -count, axis=1)[:, -count:].mean(axis=1)
    return means
