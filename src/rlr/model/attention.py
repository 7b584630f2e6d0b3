"""Multi-head attention with separate sources of queries, keys and values."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.model.tiles import Tiles


class Attention(nn.Module):
    """Multi-head softmax attention, with the parameter names of torch's MultiheadAttention.

    Unlike that module it takes keys or values of batch size one, such as the reference, and
    projects them once for all samples.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))  # q, k, v stacked
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        tiles: Tiles | None = None,
    ) -> Tensor:
        """Attend.

        Args:
            query: (N, L, D).
            key: (N or 1, K, D); K is L where there is a mask.
            value: (N or 1, K, D).
            mask: (L, L) boolean, true where a query may see a key; None: everywhere.
            tiles: The same as a way to compute it, for keys and values of batch size one.

        Returns:
            (N, L, D).
        """
        batch, tokens, width = query.shape
        weights = self.in_proj_weight.chunk(3)
        biases = self.in_proj_bias.chunk(3)
        q, k, v = (
            self._split(F.linear(source, weight, bias))
            for source, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        if tiles is not None:
            mixed = tiles.attend(q, k, v)  # (N, H, L, D/H)
        else:
            k, v = (part.expand(batch, -1, -1, -1) for part in (k, v))
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (N, H, L, D/H)
        mixed = mixed.transpose(1, 2).reshape(batch, tokens, width)
        out: Tensor = self.out_proj(mixed)
        return out

    def _split(self, projected: Tensor) -> Tensor:
        tokens = projected.shape[1]
        heads = projected.reshape(-1, tokens, self.heads, projected.shape[2] // self.heads)
        return heads.transpose(1, 2)  # (N or 1, H, L, D/H)
