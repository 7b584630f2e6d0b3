"""Multi-head attention with separate sources of queries, keys and values."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812


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

    def forward(self, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
        """Attend.

        Args:
            query: (N, L, D).
            key: (N or 1, L, D).
            value: (N or 1, L, D).
            mask: (L, L) boolean, true where a query may see a key; None: everywhere.

        Returns:
            (N, L, D).
        """
        batch, tokens, width = query.shape
        weights = self.in_proj_weight.chunk(3)
        biases = self.in_proj_bias.chunk(3)
        q, k, v = (
            self._split(F.linear(source, weight, bias), batch)
            for source, weight, bias in zip((query, key, value), weights, biases, strict=True)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)  # (N, H, L, D/H)
        mixed = mixed.transpose(1, 2).reshape(batch, tokens, width)
        out: Tensor = self.out_proj(mixed)
        return out

    def _split(self, projected: Tensor, batch: int) -> Tensor:
        tokens = projected.shape[1]
        heads = projected.reshape(-1, tokens, self.heads, projected.shape[2] // self.heads)
        return heads.transpose(1, 2).expand(batch, -1, -1, -1)  # (N, H, L, D/H)
