"""Fixed two-dimensional sine/cosine position code."""

import torch
from torch import Tensor

TEMPERATURE = 10_000.0


def position_code(grid: tuple[int, int], width: int) -> Tensor:
    """Return the code that is added to embedded tokens.

    The first half of the channels encodes the column, the second half the row. In each half
    channels 2i and 2i+1 are sin and cos of p / 10000^(2i / (D/2)), with p = 0, 1, 2, ...

    Args:
        grid: Height and width in tokens.
        width: Model width D, divisible by 4.

    Returns:
        Tensor (1, L, D), float32, tokens in row-major order.
    """
    height, columns = grid
    along_x = _line_code(columns, width // 2)[None, :, :].expand(height, -1, -1)
    along_y = _line_code(height, width // 2)[:, None, :].expand(-1, columns, -1)
    return torch.cat([along_x, along_y], dim=-1).reshape(1, height * columns, width)


def _line_code(length: int, channels: int) -> Tensor:
    place = torch.arange(length, dtype=torch.float32)[:, None]
    exponent = torch.arange(0, channels, 2, dtype=torch.float32) / channels
    angle = place / TEMPERATURE**exponent  # (length, channels / 2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)
