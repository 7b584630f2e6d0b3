"""The optimiser: which of them, on which parameters, and the clipping of what it is given."""

from collections.abc import Iterable

import torch
from torch import nn

from rlr.config.training import OptimizerConfig

MATRIX = 2  # dimensions of a weight that decays


def build_optimizer(networks: nn.Module, config: OptimizerConfig) -> torch.optim.Optimizer:
    """Build the optimiser of all levels.

    Adam works element by element, so that one optimiser is the same as one a level; fused, it
    passes over the memory of a parameter once.

    Args:
        networks: What is trained.
        config: Kind, rate, betas, decay.

    Source: "Decoupled Weight Decay Regularization" (arXiv 1711.05101).
    """
    rate, betas, decay = config.learning_rate, config.betas, config.weight_decay
    if config.kind == "adam":
        parameters = networks.parameters()
        return torch.optim.Adam(parameters, lr=rate, betas=betas, weight_decay=decay, fused=True)
    named = list(networks.named_parameters())
    groups = [
        {"params": [p for n, p in named if decays(n, p)], "weight_decay": decay},
        {"params": [p for n, p in named if not decays(n, p)], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=betas, fused=True)


def decays(name: str, parameter: nn.Parameter) -> bool:
    """Return whether decoupled decay pulls a parameter towards zero.

    Matrices, for they multiply; not what is added or scales (biases, norms, gates), and not the
    references, which are content: decay would pull them towards the mean of the features.

    Args:
        name: As `named_parameters` gives it.
        parameter: The parameter.
    """
    return parameter.dim() == MATRIX and name.rsplit(".", 1)[-1] not in {"reference", "bank"}


def clip_gradients(networks: Iterable[nn.Module], norm: float | None) -> None:
    """Scale each level's gradient down to a norm: apart, for the levels share nothing.

    Args:
        networks: One network a level.
        norm: Greatest norm; None: nothing is clipped.
    """
    if norm is not None:
        for network in networks:
            torch.nn.utils.clip_grad_norm_(network.parameters(), norm)
