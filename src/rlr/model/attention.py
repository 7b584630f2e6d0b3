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
        queries, keys, values = self.queries(query), self.keys(key), self.values(value)
        return self.mix(queries, keys, values, mask, tiles)

    def queries(self, tokens: Tensor) -> Tensor:
        """Project tokens (N, L, D) to queries (N, H, L, D/H)."""
        return self._project(tokens, 0)

    def keys(self, tokens: Tensor) -> Tensor:
        """Project tokens (N or 1, K, D) to keys (N or 1, H, K, D/H)."""
        return self._project(tokens, 1)

    def values(self, tokens: Tensor) -> Tensor:
        """Project tokens (N or 1, K, D) to values (N or 1, H, K, D/H)."""
        return self._project(tokens, 2)

    def mix(
        self,
        queries: Tensor,
        keys: Tensor,
        values: Tensor,
        mask: Tensor | None,
        tiles: Tiles | None = None,
    ) -> Tensor:
        """Attend with what is projected already; masks and tiles as in `forward`.

        Returns:
            (N, L, D).
        """
        if tiles is not None:
            mixed = tiles.attend(queries, keys, values)  # (N, H, L, D/H)
        else:
            keys, values = (part.expand(len(queries), -1, -1, -1) for part in (keys, values))
            mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask)
        out: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _project(self, tokens: Tensor, third: int) -> Tensor:
        weight, bias = self.in_proj_weight.chunk(3)[third], self.in_proj_bias.chunk(3)[third]
        projected: Tensor = F.linear(tokens, weight, bias).unflatten(2, (self.heads, -1))
        return projected.transpose(1, 2)
