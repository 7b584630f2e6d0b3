"""The published algorithm, restated plainly: what the speed of this project is measured against.

The parameters have the names of `rlr.model`, so that its weights can be loaded. Library calls are
left at their defaults, but for `need_weights=False`: a baseline that is slow without need proves
nothing. Each known inefficiency is a field of `Habits` and can be switched off alone. Its metrics,
AUPRO on a grid of 1,000 thresholds among them, are in `baseline_metrics.py`.

N batch, L tokens, C feature channels, D model width, K window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import timm
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.features.stages import skip_stages
from rlr.model import LevelSizes
from rlr.model.position import position_code
from rlr.model.tiles import Tiles

POOLING = 3
SIGMA = 4.0  # pixels


@dataclass(frozen=True)
class Habits:
    """The inefficiencies of the published code.

    Attributes:
        rebuild_mask: The window's mask is built anew in every layer of every call.
        repeat_reference: The reference is copied and projected for every sample.
        dense_local: Local cross attention meets all keys, and a mask forbids most of them.
        loop_optimizer: Adam goes from parameter to parameter.
        all_stages: The backbone runs the stages behind the last one used.
        channels_first: The backbone's memory has one plane a channel.
        return_weights: Attention returns its weights, as `nn.MultiheadAttention` does unless it is
            told not to; off in the baseline.
    """

    rebuild_mask: bool = True
    repeat_reference: bool = True
    dense_local: bool = True
    loop_optimizer: bool = True
    all_stages: bool = True
    channels_first: bool = True
    return_weights: bool = False


PUBLISHED = Habits()


def forbidden_outside(grid: tuple[int, int], window: tuple[int, int]) -> Tensor:
    """Build the mask of local cross attention (L, L), true where a query may not look."""
    height, width = grid
    down, across = window[0] // 2, window[1] // 2
    mask = torch.ones(height, width, height, width, dtype=torch.bool)
    for row in range(height):
        for column in range(width):
            rows = slice(max(0, row - down), row + down + 1)
            columns = slice(max(0, column - across), column + across + 1)
            mask[row, column, rows, columns] = False
    return mask.reshape(height * width, height * width)


class BaselineLayer(nn.Module):
    """Local cross attention and masked learnable key attention, then a feed-forward layer."""

    def __init__(self, sizes: LevelSizes, habits: Habits) -> None:
        super().__init__()
        self.sizes, self.habits = sizes, habits
        width, heads = sizes.width, sizes.heads
        self.lca = nn.MultiheadAttention(width, heads, batch_first=True)
        self.mlka = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm1 = nn.LayerNorm(width)
        self.ffn = nn.ModuleDict(
            {
                "fc1": nn.Linear(width, sizes.ffn_ratio * width),
                "fc2": nn.Linear(sizes.ffn_ratio * width, width),
            }
        )
        self.norm2 = nn.LayerNorm(width)
        self.tiles = None if habits.dense_local else Tiles(sizes.grid, sizes.window)
        kept = None if habits.rebuild_mask else forbidden_outside(sizes.grid, sizes.window)
        self.register_buffer("kept_mask", kept, persistent=False)

    def forward(self, tokens: Tensor, reference: Tensor) -> Tensor:
        """Pass one layer: tokens (N, L, D), embedded reference (N or 1, L, D)."""
        mask = self.kept_mask
        if mask is None:
            mask = forbidden_outside(self.sizes.grid, self.sizes.window).to(tokens.device)
        local = self._attend(self.lca, tokens, reference, reference, mask, self.tiles)
        afar = self._attend(self.mlka, tokens, reference, tokens, ~mask)
        hidden = self.norm1(self.sizes.alpha * local + afar)
        wide = F.gelu(self.ffn["fc1"](hidden))
        out: Tensor = self.norm2(hidden + self.ffn["fc2"](wide))
        return out  # (N, L, D)

    def _attend(
        self,
        attention: nn.MultiheadAttention,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor,
        tiles: Tiles | None = None,
    ) -> Tensor:
        if self.habits.repeat_reference and tiles is None:
            weights = self.habits.return_weights
            out: Tensor = attention(query, key, value, attn_mask=mask, need_weights=weights)[0]
            return out
        # Neither a key of batch size one nor a tile can be given to `nn.MultiheadAttention`.
        return _project_once(attention, query, key, value, mask, tiles)


def _project_once(
    attention: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor,
    tiles: Tiles | None,
) -> Tensor:
    heads = attention.num_heads
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    q, k, v = (
        F.linear(source, weight, bias).unflatten(2, (heads, -1)).transpose(1, 2)
        for source, weight, bias in zip((query, key, value), weights, biases, strict=True)
    )  # (N or 1, H, L, D/H)
    if tiles is None:
        k, v = (part.expand(len(query), -1, -1, -1) for part in (k, v))
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=~mask)
    else:
        mixed = tiles.attend(q, k[:1], v[:1])
    out: Tensor = attention.out_proj(mixed.transpose(1, 2).flatten(2))
    return out  # (N, L, D)


class BaselineNetwork(nn.Module):
    """The network of one level; see `rlr.model.LevelNetwork`.

    Args:
        sizes: Sizes; the switches beyond the published recipe are not known here.
        habits: How it is computed.
    """

    def __init__(self, sizes: LevelSizes, habits: Habits = PUBLISHED) -> None:
        super().__init__()
        self.sizes, self.habits = sizes, habits
        self.input_projection = nn.Linear(sizes.channels, sizes.width)
        self.reference = nn.Parameter(torch.randn(1, sizes.tokens, sizes.channels))
        self.reference_projection = nn.Linear(sizes.channels, sizes.width)
        self.layers = nn.ModuleList(BaselineLayer(sizes, habits) for _ in range(sizes.layers))
        self.final_norm = nn.LayerNorm(sizes.width)
        self.output_projection = nn.Linear(sizes.width, sizes.channels)
        position = position_code(sizes.grid, sizes.width)
        self.register_buffer("position", position, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Reconstruct pooled tokens (N, L, C)."""
        tokens = self.input_projection(features) + self.position  # (N, L, D)
        reference = self.reference
        if self.habits.repeat_reference:
            reference = reference.repeat(len(features), 1, 1)  # (N, L, C)
        reference = self.reference_projection(reference) + self.position
        for layer in self.layers:
            tokens = layer(tokens, reference)
        out: Tensor = self.output_projection(self.final_norm(tokens))
        return out  # (N, L, C)


def build_optimizer(networks: nn.Module, habits: Habits = PUBLISHED) -> torch.optim.Optimizer:
    """Return Adam with the published rate."""
    fused = None if habits.loop_optimizer else True
    return torch.optim.Adam(networks.parameters(), lr=1e-4, fused=fused)


class BaselineBackbone(nn.Module):
    """A frozen timm model with random weights, and the pooling of what it returns.

    Args:
        name: timm's name.
        levels: Output indices.
        habits: How it is computed.
    """

    def __init__(self, name: str, levels: Sequence[int], habits: Habits = PUBLISHED) -> None:
        super().__init__()
        self.network = timm.create_model(name, features_only=True, out_indices=tuple(levels))
        self.eval().requires_grad_(False)
        if not habits.all_stages:
            skip_stages(self.network)
        self.layout = torch.contiguous_format
        if not habits.channels_first:
            self.layout = torch.channels_last
            self.network.to(memory_format=self.layout)

    @torch.no_grad()
    def forward(self, images: Tensor) -> list[Tensor]:
        """Map normalised images (N, 3, H, W) to tokens (N, L, C) of each level."""
        maps = self.network(images.to(memory_format=self.layout))
        pooled = [F.avg_pool2d(level, POOLING, stride=1, padding=POOLING // 2) for level in maps]
        return [level.flatten(2).transpose(1, 2) for level in pooled]


def reconstruction_loss(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean squared error plus the mean of 1 - cosine similarity over the tokens."""
    return F.mse_loss(output, target) + (1.0 - F.cosine_similarity(output, target, dim=-1)).mean()


@torch.no_grad()
def anomaly_maps(
    outputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    grids: Sequence[tuple[int, int]],
    side: int,
) -> np.ndarray:
    """Return the smoothed anomaly maps (N, side, side) of reconstructions and tokens (N, L, C)."""
    levels = []
    for output, target, grid in zip(outputs, targets, grids, strict=True):
        score = F.mse_loss(output, target, reduction="none").mean(dim=-1)
        score = score + 1.0 - F.cosine_similarity(output, target, dim=-1)  # (N, L)
        field = score.unflatten(1, grid).unsqueeze(1)
        levels.append(F.interpolate(field, (side, side), mode="bilinear", align_corners=True))
    maps = torch.stack(levels).mean(dim=0).squeeze(1).numpy()
    return np.stack([gaussian_filter(single, SIGMA) for single in maps])
