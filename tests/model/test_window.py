"""The window rule and the two masks."""

import pytest
import torch

from rlr.model import LevelNetwork, LevelSizes, published_window
from rlr.model.window import window_mask


@pytest.mark.parametrize(
    ("grid", "window"),
    [
        ((16, 16), (5, 5)),
        ((32, 32), (7, 7)),
        ((64, 64), (11, 11)),
        ((8, 24), (5, 7)),
        ((4, 4), (3, 3)),
    ],
)
def test_published_window(grid: tuple[int, int], window: tuple[int, int]) -> None:
    assert published_window(grid) == window


@pytest.mark.parametrize(("grid", "window"), [((6, 6), (3, 3)), ((4, 7), (3, 5)), ((5, 3), (1, 3))])
def test_window_mask_is_the_clipped_neighbourhood(
    grid: tuple[int, int], window: tuple[int, int]
) -> None:
    mask = window_mask(grid, window)
    height, width = grid
    for query in range(height * width):
        for key in range(height * width):
            rows = abs(query // width - key // width)
            columns = abs(query % width - key % width)
            near = rows <= window[0] // 2 and columns <= window[1] // 2
            assert bool(mask[query, key]) is near


def test_window_that_covers_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match="covers the whole 3x4 grid"):
        LevelNetwork(LevelSizes((3, 4), 8, 16, 1, 2, window=(5, 7)))


def test_largest_permitted_window_gives_finite_output() -> None:
    network = LevelNetwork(LevelSizes((6, 6), 8, 16, 1, 2, window=(5, 5)))
    assert torch.isfinite(network(torch.randn(2, 36, 8))).all()
