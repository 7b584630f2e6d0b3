"""What a device can do, and what was taken of it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from growth.isolated import forget_peak, resident

ROUNDS = 5
MEBI = 2**20


@dataclass(frozen=True)
class Device:
    """A device, and how time and memory are taken of it.

    Attributes:
        torch: Torch's name of it.
        side: Side of the matrices whose product is its peak.
    """

    torch: torch.device
    side: int

    @property
    def is_cuda(self) -> bool:
        """Whether it is a graphics card."""
        return self.torch.type == "cuda"

    def now(self) -> float:
        """Return seconds: wall-clock time of a card that is done, or processor time."""
        if not self.is_cuda:
            return time.process_time()
        torch.cuda.synchronize(self.torch)
        return time.perf_counter()

    def seconds(self, work: Callable[[], object]) -> float:
        """Return how long a call takes: the median of a few, after one that warms up."""
        work()
        times = []
        for _ in range(ROUNDS):
            start = self.now()
            work()
            times.append(self.now() - start)
        return statistics.median(times)

    def forget_peak(self) -> None:
        """Let the peak of the memory start anew."""
        if self.is_cuda:
            torch.cuda.reset_peak_memory_stats(self.torch)
        else:
            forget_peak()

    def peak_mib(self) -> float:
        """Return the peak of the memory: of the card's tensors, or of the process."""
        if self.is_cuda:
            return torch.cuda.max_memory_allocated(self.torch) / MEBI
        return resident("VmHWM")

    def name(self) -> str:
        """Return what it is."""
        if self.is_cuda:
            return torch.cuda.get_device_name(self.torch)
        return f"processor, {torch.get_num_threads()} threads"

    def gemm_peak(self, precision: str) -> float:
        """Return operations a second of a large square product: the best that can be hoped for."""
        choose_products(precision)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        left, right = (
            torch.randn(self.side, self.side, device=self.torch).to(dtype) for _ in range(2)
        )
        return 2.0 * self.side**3 / self.seconds(lambda: left @ right)


def choose_products(precision: str) -> None:
    """Let a card compute products of float32 in ten bits, or not."""
    torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
