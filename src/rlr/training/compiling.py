"""Networks compiled for training; what else they are used for, they do as they are."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

Call = Callable[[Tensor], Tensor]
Kind = Literal["off", "kernels", "graphs"]

MODES = {"kernels": "default", "graphs": "reduce-overhead"}  # torch's names


class Compiler:
    """Compiles each network once.

    The compiled one shares the network's parameters. It is not used beyond training: what a CUDA
    graph returns is overwritten by its next call, and who keeps reconstructions would not see it.

    Args:
        kind: off; kernels: torch.compile; graphs: with CUDA graphs.
    """

    def __init__(self, kind: Kind) -> None:
        self._mode = MODES.get(kind)
        self._compiled: dict[nn.Module, Call] = {}

    def __call__(self, network: nn.Module) -> Call:
        """Return what to call in the network's place: tokens (N, L, C) to the same shape."""
        if self._mode is None:
            return network
        if network not in self._compiled:
            self._compiled[network] = torch.compile(network, mode=self._mode)
        return self._compiled[network]
