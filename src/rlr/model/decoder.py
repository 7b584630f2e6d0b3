"""A small decoder from the features of all levels to a picture of the part.

It is no part of the method: nothing that is scored has passed through it. Letters of its own in
the shape comments: h and w of the finest grid, W width, P and Q height and width of the picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

LEAST_WIDTH = 16  # channels


@dataclass(frozen=True)
class DecoderSizes:
    """Everything that fixes the shape of a decoder.

    Attributes:
        grids: Height and width in tokens of each level.
        channels: Channels of each level.
        width: Channels on the finest grid, at least 16; each doubling halves them, down to 16.
        doublings: How often the finest grid is doubled.
    """

    grids: tuple[tuple[int, int], ...]
    channels: tuple[int, ...]
    width: int
    doublings: int

    @property
    def finest(self) -> tuple[int, int]:
        """Height and width in tokens of the finest level."""
        return max(self.grids)

    @property
    def picture(self) -> tuple[int, int]:
        """Height and width of the picture in pixels."""
        height, width = self.finest
        return height << self.doublings, width << self.doublings


def count_doublings(grids: Sequence[tuple[int, int]], longest: int) -> int:
    """Return how often the finest grid can be doubled within a length.

    Args:
        grids: Height and width in tokens of each level.
        longest: Greatest length of the picture's longer side in pixels.

    Example:
        >>> count_doublings([(32, 32), (16, 16)], 128)
        2
    """
    doublings = 0
    while max(max(grids)) << (doublings + 1) <= longest:
        doublings += 1
    return doublings


class PictureDecoder(nn.Module):
    """Draw a picture from the tokens of all levels.

    Args:
        sizes: Sizes.

    Example:
        >>> sizes = DecoderSizes(((8, 8), (4, 4)), channels=(24, 40), width=32, doublings=2)
        >>> PictureDecoder(sizes)([torch.zeros(2, 64, 24), torch.zeros(2, 16, 40)]).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, sizes: DecoderSizes) -> None:
        super().__init__()
        self.sizes = sizes
        # Of the training images' tokens: levels and channels differ by orders of magnitude.
        self.means = nn.ParameterList(_fixed(torch.zeros(count)) for count in sizes.channels)
        self.scales = nn.ParameterList(_fixed(torch.ones(count)) for count in sizes.channels)
        self.projection = nn.Linear(sum(sizes.channels), sizes.width)
        self.body = nn.ModuleList(_convolution(sizes.width, sizes.width) for _ in range(2))
        widths = [max(sizes.width >> step, LEAST_WIDTH) for step in range(sizes.doublings or 1)]
        self.doublings = nn.ModuleList(
            _convolution(before, 4 * after) for before, after in pairwise(widths)
        )
        # The last doubling goes straight to the colours: most of the work would lie behind it.
        self.last = 2 if sizes.doublings else 1
        self.colours = _convolution(widths[-1], 3 * self.last**2)

    def forward(self, tokens: Sequence[Tensor]) -> Tensor:
        """Draw.

        Args:
            tokens: One tensor (N, L, C) a level.

        Returns:
            Pictures (N, 3, P, Q), RGB from 0 to 1.
        """
        field = self.projection(self._gather(tokens)).movedim(-1, 1)  # (N, W, h, w)
        for layer in self.body:
            field = field + F.gelu(layer(field))
        for layer in self.doublings:
            field = F.gelu(F.pixel_shuffle(layer(field), 2))
        out: Tensor = torch.sigmoid(F.pixel_shuffle(self.colours(field), self.last))
        return out  # (N, 3, P, Q)

    @torch.no_grad()
    def standardise(self, means: Sequence[Tensor], scales: Sequence[Tensor]) -> None:
        """Set mean and scale (C,) of each level's channels."""
        for kept, given in zip([*self.means, *self.scales], [*means, *scales], strict=True):
            kept.copy_(given)

    @torch.no_grad()
    def _gather(self, tokens: Sequence[Tensor]) -> Tensor:
        """Stretch all levels to the finest grid: (N, h, w, sum of C).

        Before anything is learned, so that no gradient passes the stretching, which has none on
        CUDA that repeats bit for bit.
        """
        levels = []
        for level, grid, mean, scale in zip(
            tokens, self.sizes.grids, self.means, self.scales, strict=True
        ):
            field = ((level - mean) / scale).movedim(-1, 1).unflatten(2, grid)  # (N, C, ...)
            levels.append(F.interpolate(field, self.sizes.finest, mode="bilinear"))
        return torch.cat(levels, dim=1).movedim(1, -1)


def picture_loss(drawn: Tensor, images: Tensor, edge_weight: float) -> Tensor:
    """Return the mean absolute difference of pixels, and of differences between neighbours.

    Args:
        drawn: Pictures (N, 3, P, Q).
        images: What they should show, likewise.
        edge_weight: Weight of the second term, without which edges come out soft.
    """
    difference = drawn - images
    edges = difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()
    loss: Tensor = difference.abs().mean() + edge_weight * edges
    return loss


def _fixed(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)


def _convolution(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1)
