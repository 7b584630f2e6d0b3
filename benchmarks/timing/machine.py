"""What a figure was measured on, and what its matrix products can reach."""

import os
import platform
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import timm
import torch
from torch.utils.flop_counter import FlopCounterMode

from rlr import __version__
from rlr.foundation.machine import processor
from timing.clock import Clock, measure

PEAK_SIDE = 1536


def describe_machine() -> dict[str, object]:
    """Return processor, memory and versions."""
    return {
        "processor": processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processors": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "load": os.getloadavg()[0],
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "rlr": __version__,
        "commit": _commit(),
    }


def gemm_peak(dtype: torch.dtype, clock: Clock) -> float:
    """Return the operations a second of a large square matrix product: the best of all rounds."""
    left, right = (torch.randn(PEAK_SIDE, PEAK_SIDE).to(dtype) for _ in range(2))
    timing = measure({"product": lambda: left @ right}, replace(clock, rounds=5))["product"]
    return 2.0 * PEAK_SIDE**3 / min(timing.seconds)


def count_operations(run: Callable[[], object]) -> float:
    """Return the floating-point operations of all products, convolutions and attentions."""
    with FlopCounterMode(display=False) as counter:
        run()
    return float(counter.get_total_flops())


def _commit() -> str:
    words = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
