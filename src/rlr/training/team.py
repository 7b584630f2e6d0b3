"""The processes of one training, as torchrun starts them; alone, a team of one."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn

Item = TypeVar("Item")


@dataclass(frozen=True)
class Team:
    """Rank and number of processes.

    All processes hold the same weights: they start from the same seed and add the same sums.
    """

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def share(self, batch: Sequence[Item]) -> list[Item]:
        """Return this process's part of a global batch; of an uneven one it may be empty."""
        return list(batch[self.rank :: self.size])

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""
        if self.size > 1:
            dist.all_reduce(values)
        return values

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over all processes; a missing one counts as zero."""
        if self.size == 1:
            return
        owners = list(parameters)
        gradients = [
            torch.zeros_like(owner) if owner.grad is None else owner.grad for owner in owners
        ]
        flat = self.total(torch.cat([gradient.flatten() for gradient in gradients]))
        sizes = [owner.numel() for owner in owners]
        for owner, part in zip(owners, flat.split(sizes), strict=True):
            owner.grad = part.view_as(owner)

    def wait(self) -> None:
        """Wait until all processes are here."""
        if self.size > 1:
            dist.barrier()


@contextmanager
def join_team(device: torch.device) -> Iterator[Team]:
    """Join the processes that torchrun started: NCCL on CUDA, gloo on the CPU."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team(0, 1)
        return
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Team(dist.get_rank(), size)
    finally:
        dist.destroy_process_group()


def local_device(device: torch.device) -> torch.device:
    """Return the CUDA device of this process among those of its node."""
    if device == torch.device("cuda"):
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return device
