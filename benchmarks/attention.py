"""What a training step costs with local attention under a mask, and tile by tile.

    python benchmarks/attention.py [--batch 4] [--pairs 5]

Forward and backward of the published network for the levels 2 and 3 of resnet18 at 256 pixels, on
one thread: processor time, measured in turn, and the ratio taken pair by pair.
"""

import argparse
import statistics
import sys
import time

import torch

from rlr.model import LevelNetwork, LevelSizes, published_window, reconstruction_loss
from rlr.model.sizes import LocalKind

LEVELS = {2: ((32, 32), 128, 256), 3: ((16, 16), 256, 512)}  # grid, channels, width
KINDS: tuple[LocalKind, ...] = ("dense", "tiled")


def network(level: int, local: LocalKind) -> LevelNetwork:
    """Build the published network of a level."""
    grid, channels, width = LEVELS[level]
    window = published_window(grid)
    torch.manual_seed(0)
    return LevelNetwork(LevelSizes(grid, channels, width, 4, 8, window, local=local))


def step_seconds(net: LevelNetwork, tokens: torch.Tensor) -> float:
    """Return the processor time of one forward and backward pass."""
    net.zero_grad()
    start = time.process_time()
    reconstruction_loss(net(tokens), tokens).backward()
    return time.process_time() - start


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--pairs", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for level in LEVELS:
        networks = {kind: network(level, kind) for kind in KINDS}
        sizes = networks["dense"].sizes
        tokens = torch.randn(arguments.batch, sizes.tokens, sizes.channels)
        pairs = [
            {kind: step_seconds(net, tokens) / arguments.batch for kind, net in networks.items()}
            for _ in range(arguments.pairs + 1)
        ][1:]  # the first one warms up
        medians = {kind: statistics.median(pair[kind] for pair in pairs) for kind in KINDS}
        ratio = statistics.median(pair["tiled"] / pair["dense"] for pair in pairs)
        told = ", ".join(f"{kind} {seconds:.3f} s an image" for kind, seconds in medians.items())
        print(f"level {level}: {told}, ratio {ratio:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
