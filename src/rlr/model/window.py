"""The local window: what local cross attention sees, and MLKA must not."""

import torch
from torch import Tensor


def published_window(grid: tuple[int, int]) -> tuple[int, int]:
    """Return the window of a grid: 5 at 16 tokens, 7 at 32, 11 at 64, and in between by rule.

    k(side) = 2 * floor(side / 16 + 1/2) + 3, for height and width separately.

    Example:
        >>> published_window((16, 32))
        (5, 7)
    """
    height, width = (2 * ((2 * side + 16) // 32) + 3 for side in grid)
    return height, width


def window_mask(grid: tuple[int, int], window: tuple[int, int]) -> Tensor:
    """Return which reference positions lie inside each query's window, clipped at the border.

    Args:
        grid: Height and width in tokens.
        window: Height and width of the window in tokens, odd.

    Returns:
        Boolean tensor (L, L): row = query, column = key, true inside the window.
    """
    rows = _near(grid[0], window[0])  # (height, height)
    columns = _near(grid[1], window[1])  # (width, width)
    inside = rows[:, None, :, None] & columns[None, :, None, :]
    tokens = grid[0] * grid[1]
    return inside.reshape(tokens, tokens)


def require_keys_outside(mask: Tensor, grid: tuple[int, int], window: tuple[int, int]) -> None:
    """Refuse a window that leaves some query nothing to attend to outside of it.

    Dense attention would give NaN there, scaled_dot_product_attention zeros.

    Raises:
        ValueError: Some window covers the whole grid.
    """
    if bool(mask.all(dim=1).any()):
        raise ValueError(
            f"window {window[0]}x{window[1]} covers the whole {grid[0]}x{grid[1]} grid of some "
            "token; choose a smaller window, a larger input or a level of smaller stride"
        )


def _near(side: int, window: int) -> Tensor:
    place = torch.arange(side)
    return (place[:, None] - place[None, :]).abs() <= window // 2
