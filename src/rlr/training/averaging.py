"""Averages of the weights over the steps of a training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from rlr.config.training import AveragingConfig


class Average:
    """An exponential moving average of a module's parameters, or nothing at all.

    Args:
        module: What is trained; the average starts at its weights.
        config: Kind and decay.

    Source: "Acceleration of Stochastic Approximation by Averaging" (Polyak and Juditsky, 1992),
    in its exponential form.
    """

    def __init__(self, module: nn.Module, config: AveragingConfig) -> None:
        self._module = module
        self._config = config
        self._weights: dict[str, Tensor] = {}
        if config.kind != "none":
            self._weights = {
                name: parameter.detach().clone() for name, parameter in module.named_parameters()
            }

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take the weights after a step into the average.

        Args:
            step: Number of the step, from 0.
        """
        if not self._weights:
            return
        new = 1.0 - decay_of(step, self._config)
        trained = [parameter.detach() for parameter in self._module.parameters()]
        torch._foreach_lerp_(list(self._weights.values()), trained, new)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Let the module have the averaged weights for a while."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def keep(self) -> None:
        """Leave the averaged weights in the module; the average is of no use afterwards."""
        self._swap()
        self._weights = {}

    def state(self) -> dict[str, Tensor]:
        """Return what a checkpoint has to hold; empty where nothing is averaged."""
        return self._weights

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Go on from a checkpoint."""
        for name, weight in self._weights.items():
            weight.copy_(state[name])

    @torch.no_grad()
    def _swap(self) -> None:
        parameters = dict(self._module.named_parameters())
        for name, weight in self._weights.items():
            kept = weight.clone()
            weight.copy_(parameters[name])
            parameters[name].copy_(kept)


def decay_of(step: int, config: AveragingConfig) -> float:
    """Return the share of the old average that stays at a step (numbered from 0).

    Example:
        >>> ema = AveragingConfig(kind="ema", decay=0.9, warmup=10)
        >>> [round(decay_of(step, ema), 3) for step in (0, 9, 1000)]
        [0.1, 0.526, 0.9]
    """
    return min(config.decay, (1 + step) / (config.warmup + step))
