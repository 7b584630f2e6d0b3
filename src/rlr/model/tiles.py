"""Local attention tile by tile: each tile of queries meets the keys around it, and no others.

A window of 7x7 in a grid of 32x32 shows a query 49 of 1,024 keys. In tiles of 4x4 the queries
of a tile share the 10x10 keys that some of them may see: a tenth of the products, the same sums.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from rlr.model.recomputing import recomputed

SIDE = 4  # in tokens: of the sides 4, 8 and 16 the fastest at grids of 16 and 32


class Tiles(nn.Module):
    """A grid cut into square tiles, and the keys around each of them.

    Letters: T tiles, Q queries of a tile, K keys around it.

    Args:
        grid: Height and width in tokens.
        window: Height and width of the window in tokens, odd.
    """

    around: Tensor
    allowed: Tensor

    def __init__(self, grid: tuple[int, int], window: tuple[int, int]) -> None:
        super().__init__()
        self.grid = grid
        lines = [_line(side, reach // 2) for side, reach in zip(grid, window, strict=True)]
        (rows, near_rows), (columns, near_columns) = lines
        around = rows[:, None, :, None] * grid[1] + columns[None, :, None, :]
        allowed = near_rows[:, None, :, None, :, None] & near_columns[None, :, None, :, None, :]
        self.tiles = rows.shape[0], columns.shape[0]
        count = self.tiles[0] * self.tiles[1]
        self.register_buffer("around", around.reshape(count, -1), persistent=False)  # (T, K)
        allowed = allowed.reshape(count, SIDE * SIDE, -1)
        self.register_buffer("allowed", allowed, persistent=False)  # (T, Q, K)

    def attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return scaled dot-product attention within the window.

        Args:
            query: (N, H, L, D/H).
            key: (1, H, L, D/H), the same for all samples.
            value: (1, H, L, D/H).

        Returns:
            (N, H, L, D/H).
        """
        # Each key is copied into all tiles that see it.
        return recomputed(self._attend, query, key, value)

    def _attend(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        samples = query.shape[0]
        mask = self.allowed[:, None].expand(-1, samples, -1, -1).flatten(1, 2)  # (T, N * Q, K)
        mixed = F.scaled_dot_product_attention(
            self._cut(query), self._take(key), self._take(value), attn_mask=mask[:, None]
        )
        return self._join(mixed, samples)

    def _cut(self, query: Tensor) -> Tensor:
        """(N, H, L, d) to (T, H, N * Q, d), with zeros where a tile leaves the grid."""
        samples, heads, _, width = query.shape
        (height, columns), (down, across) = self.grid, self.tiles
        whole = query.unflatten(2, self.grid)
        margin = (0, 0, 0, across * SIDE - columns, 0, down * SIDE - height)
        tiles = F.pad(whole, margin).reshape(samples, heads, down, SIDE, across, SIDE, width)
        return tiles.permute(2, 4, 1, 0, 3, 5, 6).reshape(down * across, heads, -1, width)

    def _take(self, key: Tensor) -> Tensor:
        """(1, H, L, d) to (T, H, K, d)."""
        return key[0][:, self.around].transpose(0, 1)

    def _join(self, mixed: Tensor, samples: int) -> Tensor:
        """(T, H, N * Q, d) back to (N, H, L, d)."""
        (height, columns), (down, across) = self.grid, self.tiles
        heads, width = mixed.shape[1], mixed.shape[3]
        tiles = mixed.reshape(down, across, heads, samples, SIDE, SIDE, width)
        whole = tiles.permute(3, 2, 0, 4, 1, 5, 6).reshape(
            samples, heads, down * SIDE, across * SIDE, width
        )
        return whole[:, :, :height, :columns].flatten(2, 3)


def _line(side: int, reach: int) -> tuple[Tensor, Tensor]:
    """Cut one axis: the places around each tile (tiles, keys), and who sees which of them.

    Places beyond the border are replaced by the last one within, which nobody sees twice.
    """
    starts = torch.arange(0, side, SIDE)[:, None]
    queries = starts + torch.arange(SIDE)  # (tiles, SIDE)
    keys = starts + torch.arange(-reach, SIDE + reach)  # (tiles, keys)
    near = (queries[:, :, None] - keys[:, None, :]).abs() <= reach
    within = (keys >= 0) & (keys < side)
    # A query beyond the border must see something, lest its softmax be 0 / 0; it is cut off later.
    beyond = queries >= side
    return keys.clamp(0, side - 1), (near & within[:, None, :]) | beyond[:, :, None]
