"""Tiles against the mask that they stand for, and the references that are more than one place."""

import pytest
import torch
from torch import Tensor

from rlr.model import LevelNetwork, LevelSizes


def results(sizes: LevelSizes, features: Tensor) -> dict[str, Tensor]:
    """Return the reconstruction and all gradients of a network with given weights."""
    torch.manual_seed(0)
    network = LevelNetwork(sizes).double()
    output = network(features)
    output.square().sum().backward()
    found = {name: p.grad for name, p in network.named_parameters() if p.grad is not None}
    return {"output": output.detach(), **found}


GRIDS = [(8, 8), (4, 12), (7, 10), (9, 3)]
WINDOWS = [(1, 1), (3, 3), (5, 3), (3, 7)]
LEAVE_KEYS = [(grid, window) for grid in GRIDS for window in WINDOWS if window[1] < 2 * grid[1]]


@pytest.mark.parametrize(("grid", "window"), LEAVE_KEYS)
@pytest.mark.parametrize("references", [1, 2])
def test_tiles_are_the_mask(
    grid: tuple[int, int], window: tuple[int, int], references: int
) -> None:
    features = torch.randn(3, grid[0] * grid[1], 6, dtype=torch.float64)
    dense, tiled = (
        results(LevelSizes(grid, 6, 8, 2, 2, window, references=references, local=local), features)
        for local in ("dense", "tiled")
    )
    assert dense.keys() == tiled.keys()
    for name, value in dense.items():
        torch.testing.assert_close(
            tiled[name], value, msg=lambda text, name=name: f"{name}: {text}"
        )


def test_tiles_see_nothing_outside_the_window() -> None:
    """A reference token far away has no say in what local cross attention reads."""
    torch.manual_seed(0)
    network = LevelNetwork(LevelSizes((8, 8), 6, 8, 1, 2, (3, 3), local="tiled"))
    query = torch.randn(1, 64, 8)
    key = torch.randn(1, 64, 8)
    attention, tiles = network.layers[0].lca, network.tiles
    before = attention(query, key, key, None, tiles)
    key[0, 63] += 5.0
    moved = (attention(query, key, key, None, tiles) != before).any(dim=-1)[0]
    assert moved.nonzero().flatten().tolist() == [54, 55, 62, 63]


def test_tiles_are_not_stored() -> None:
    sizes = {"grid": (8, 8), "channels": 6, "width": 8, "layers": 1, "heads": 2, "window": (3, 3)}
    dense, tiled = (LevelNetwork(LevelSizes(**sizes, local=k)) for k in ("dense", "tiled"))
    assert dense.state_dict().keys() == tiled.state_dict().keys()


def test_a_refined_reference_starts_as_the_reference_and_learns() -> None:
    features = torch.randn(2, 20, 6, dtype=torch.float64)
    plain = results(LevelSizes((4, 5), 6, 16, 3, 4, (3, 3)), features)
    refined = results(LevelSizes((4, 5), 6, 16, 3, 4, (3, 3), refine=True), features)
    assert torch.equal(plain["output"], refined["output"])
    added = refined.keys() - plain.keys()
    assert {name.split(".")[1] for name in added} == {"0", "1"}
    assert refined["refinements.0.ffn.fc2.weight"].abs().sum() > 0


def test_a_bank_is_read_and_learns() -> None:
    features = torch.randn(2, 20, 6, dtype=torch.float64)
    sizes = LevelSizes((4, 5), 6, 16, 2, 4, (3, 3), bank=7)
    found = results(sizes, features)
    assert found["bank"].shape == (1, 7, 16)
    assert found["bank"].abs().sum() > 0
    torch.manual_seed(0)
    network = LevelNetwork(sizes).double()
    assert network.bank is not None
    with torch.no_grad():
        network.bank[:, 3] += 1.0
    assert not torch.allclose(network(features), found["output"])


def test_a_bank_has_no_place() -> None:
    """What is recalled for a token depends on the token, wherever it lies."""
    torch.manual_seed(0)
    network = LevelNetwork(LevelSizes((4, 5), 6, 16, 1, 4, (3, 3), bank=7))
    tokens, bank = torch.randn(1, 20, 16), network.bank
    recall = network.layers[0].recall
    order = torch.randperm(20)
    torch.testing.assert_close(
        recall(tokens[:, order], bank, bank, None), recall(tokens, bank, bank, None)[:, order]
    )
