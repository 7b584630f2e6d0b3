"""The baseline of the benchmarks of speed: it computes what the network computes."""

import sys
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from baseline import (
    PUBLISHED,
    BaselineBackbone,
    BaselineNetwork,
    Habits,
    anomaly_maps,
    forbidden_outside,
    reconstruction_loss,
)
from baseline_metrics import baseline_aupro
from torch import Tensor

from rlr.detection.scoring import anomaly_map, smooth
from rlr.evaluation.metrics import aupro
from rlr.model import LevelNetwork, LevelSizes, token_score
from rlr.model import reconstruction_loss as our_loss
from rlr.model.window import window_mask

SIZES = LevelSizes((6, 7), channels=5, width=16, layers=2, heads=4, window=(3, 5))
NETWORK_HABITS = ("rebuild_mask", "repeat_reference", "dense_local", "return_weights")


def results(network: torch.nn.Module, features: Tensor) -> dict[str, Tensor]:
    output = network(features)
    reconstruction_loss(output, features).backward()
    return {"output": output, **{n: p.grad for n, p in network.named_parameters()}}


def require_alike(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        scale = value.abs().max().clamp_min(1e-6)
        assert (found[name] - value).abs().max() <= 1e-5 * scale, name


@pytest.mark.parametrize("local", ["dense", "tiled"])
@pytest.mark.parametrize("habit", [None, *NETWORK_HABITS])
def test_every_way_to_compute_gives_outputs_and_gradients_of_the_network(
    habit: str | None, local: str
) -> None:
    habits = replace(PUBLISHED, **({habit: not getattr(PUBLISHED, habit)} if habit else {}))
    torch.manual_seed(0)
    ours = LevelNetwork(replace(SIZES, local=local)).double()
    baseline = BaselineNetwork(SIZES, habits).double()
    baseline.load_state_dict(ours.state_dict())
    features = torch.randn(3, SIZES.tokens, SIZES.channels, dtype=torch.float64)
    require_alike(results(baseline, features), results(ours, features))


@pytest.mark.parametrize("builder", ["baseline", "tiled"])
def test_golden_numbers(repository: Path, shared: Path, builder: str) -> None:
    """Outputs, scores, loss and gradients; without the steps of Adam, which take the time."""
    sys.path.insert(0, str(repository / "tools"))
    try:
        import parity_model
    finally:
        sys.path.pop(0)
    build = {
        "baseline": BaselineNetwork,
        "tiled": lambda sizes: LevelNetwork(replace(sizes, local="tiled")),
    }[builder]
    reference = parity_model.read_reference(shared / "golden" / "rlr_reference.safetensors")
    for level in reference.levels:
        network = parity_model.rebuild(reference, level, build)
        lines = list(parity_model.compare_level(reference, level, network))
        assert [str(line) for line in lines if not line.passed] == []
        assert {f"{level}/reconstruction", f"{level}/grad/reference"} <= {x.name for x in lines}


def test_the_looped_mask_is_the_window() -> None:
    assert torch.equal(forbidden_outside((5, 7), (3, 5)), ~window_mask((5, 7), (3, 5)))


def test_loss_and_maps_are_ours() -> None:
    draws = torch.Generator().manual_seed(0)
    targets = [torch.randn(2, side * side, 6, generator=draws) for side in (8, 4)]
    outputs = [torch.randn(2, side * side, 6, generator=draws) for side in (8, 4)]
    for output, target in zip(outputs, targets, strict=True):
        torch.testing.assert_close(reconstruction_loss(output, target), our_loss(output, target))
    grids = [(8, 8), (4, 4)]
    found = anomaly_maps(outputs, targets, grids, 32)
    scores = [token_score(*pair) for pair in zip(outputs, targets, strict=True)]
    expected = smooth(anomaly_map(scores, grids, (32, 32)).numpy(), 4.0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("habit", ["all_stages", "channels_first"])
def test_every_way_to_run_the_backbone_gives_its_features(habit: str) -> None:
    found = []
    for habits in (PUBLISHED, replace(PUBLISHED, **{habit: False})):
        torch.manual_seed(0)
        found.append(BaselineBackbone("test_efficientnet", (1, 2), habits))
    images = torch.randn(2, 3, 64, 64)
    for one, other in zip(found[0](images), found[1](images), strict=True):
        assert (one - other).abs().max() <= 1e-5 * one.abs().max()


def test_a_grid_of_thresholds_is_near_the_exact_area() -> None:
    """On scores without a heavy tail, that is."""
    draws = np.random.default_rng(0)
    masks = np.zeros((3, 32, 32), bool)
    masks[0, 4:9, 5:12], masks[1, 20:24, 20:30] = True, True
    maps = (draws.random(masks.shape) + 0.5 * masks).astype(np.float32)
    assert baseline_aupro(masks, maps) == pytest.approx(aupro(list(masks), list(maps)), abs=5e-3)


def test_habits_are_switched_off_alone() -> None:
    for field in fields(Habits):
        assert getattr(PUBLISHED, field.name) is (field.name != "return_weights")
