"""The device that a user asked for."""

import torch

from rlr.foundation.errors import UserError


def pick_device(name: str) -> torch.device:
    """Return a torch device.

    Args:
        name: "auto" (CUDA where there is one), "cpu", "cuda", or a torch device such as "cuda:1".

    Raises:
        UserError: CUDA is asked for and there is none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError("Device 'cuda' was asked for, but torch sees none; use `auto` or `cpu`.")
    return torch.device(name)
