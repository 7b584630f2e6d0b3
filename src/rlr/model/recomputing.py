"""Memory for time: what is large and cheap is made again in the backward pass, not kept for it."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint


def recomputed(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Call a function; where gradients are wanted, keep its arguments alone for them.

    Args:
        function: What to call: without randomness, for it is called again in the backward pass.
        tensors: Its arguments.

    Returns:
        What it returns, bit for bit, and so are the gradients.
    """
    if not torch.is_grad_enabled():
        return function(*tensors)
    out: Tensor = checkpoint(function, *tensors, use_reentrant=False, preserve_rng_state=False)
    return out
