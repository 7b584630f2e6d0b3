"""From the processor's memory to the device, without making either wait for the other."""

import torch
from torch import Tensor


def send(values: Tensor, device: torch.device) -> Tensor:
    """Return values on a device.

    To a graphics card they go by pinned memory, and the processor goes on meanwhile: the card does
    what it is given in order, so that nobody sees values that are not there yet.

    Args:
        values: On the CPU.
        device: Where they are wanted; the CPU: they are there already.
    """
    if device.type != "cuda":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)
