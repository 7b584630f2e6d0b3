"""Compiled networks: each compiled once, for training alone, and with its own parameters."""

from typing import Any

import pytest
import torch
from torch import nn

from rlr.config import load_config
from rlr.detection.artifact import build_networks
from rlr.training.describe import describe_network
from rlr.training.objective import Moment, Objective

SHAPES = [((8, 8), 12), ((6, 6), 20)]


class FakeCompiler:
    """Stands for torch.compile, which takes its minutes."""

    def __init__(self) -> None:
        self.modes: list[str] = []
        self.calls = 0

    def __call__(self, network: nn.Module, mode: str) -> Any:
        self.modes.append(mode)

        def compiled(tokens: torch.Tensor) -> Any:
            self.calls += 1
            return network(tokens)

        return compiled


@pytest.mark.parametrize(
    ("kind", "modes"),
    [
        ("off", []),
        ("kernels", ["default", "default"]),
        ("graphs", ["reduce-overhead", "reduce-overhead"]),
    ],
)
def test_networks_are_compiled_once_and_for_training_alone(
    kind: str, modes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeCompiler()
    monkeypatch.setattr(torch, "compile", fake)
    config = load_config("tiny", [f"training.compile={kind}"])
    torch.manual_seed(0)
    networks = build_networks(describe_network(config, SHAPES))
    clean = [torch.randn(2, h * w, c) for (h, w), c in SHAPES]
    objective = Objective(config, torch.device("cpu"))
    for step in range(2):
        list(objective.losses(networks, Moment(1, step, 2), 2, clean, ["a", "b"]))
    assert fake.modes == modes
    assert fake.calls == 2 * len(modes)

    class Store:
        def tokens(self, _: Any) -> list[torch.Tensor]:
            return clean

    objective.validation_loss(networks, 2, Store())
    assert fake.calls == 2 * len(modes)
