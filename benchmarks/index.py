"""What `rlr data index` costs beside reading and hashing the files, which it cannot do without.

    python benchmarks/index.py [--images 10000] [--side 64] [--rounds 3] [--json FILE]

Small noise pictures, so that what counts is the cost a file; processor time over all threads, in
turn. `hashing` reads each file once and takes its sha256 and its md5, in one thread.
"""

import argparse
import hashlib
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from rlr import __version__
from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.foundation.documents import write_json
from rlr.foundation.machine import processor

CLASSES = 10


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--side", type=int, default=64, help="pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = draw(Path(name) / "data", arguments.images, arguments.side)
        work = {
            "index": lambda: index_images(DataConfig(), root),
            "hashing": lambda: hash_all(root),
        }
        work["index"]()  # loads what it needs, and fills the file cache
        rounds = [
            {kind: seconds(call) for kind, call in work.items()} for _ in range(arguments.rounds)
        ]
    result = summarise(rounds, arguments)
    print("| work | processor s | wall-clock s | processor ms an image |\n|---|---|---|---|")
    for kind, row in result["rows"].items():
        each = row["cpu"] / arguments.images * 1000
        print(f"| {kind} | {row['cpu']:.2f} | {row['wall']:.2f} | {each:.3f} |")
    print(f"index / hashing: {result['ratio']:.2f}")
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def draw(root: Path, count: int, side: int) -> Path:
    """Draw noise pictures in ten classes."""
    draws = np.random.default_rng(0)
    for number in range(count):
        folder = root / f"class-{number % CLASSES}" / "train" / "good"
        folder.mkdir(parents=True, exist_ok=True)
        pixels = draws.integers(0, 256, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:06d}.png", compress_level=1)
    return root


def hash_all(root: Path) -> None:
    """Read and hash every file once."""
    for file in root.rglob("*.png"):
        content = file.read_bytes()
        hashlib.sha256(content).hexdigest()
        hashlib.md5(content, usedforsecurity=False).hexdigest()


def seconds(call: Callable[[], object]) -> tuple[float, float]:
    """Return processor and wall-clock seconds of a call."""
    cpu, wall = time.process_time(), time.perf_counter()
    call()
    return time.process_time() - cpu, time.perf_counter() - wall


def summarise(rounds: list[dict[str, tuple[float, float]]], arguments: argparse.Namespace) -> dict:
    """Return medians, and the median of the ratios, taken round by round."""
    rows = {}
    for kind in rounds[0]:
        cpu, wall = zip(*(one[kind] for one in rounds), strict=True)
        rows[kind] = {
            "cpu": statistics.median(cpu),
            "wall": statistics.median(wall),
            "cpu_least": min(cpu),
            "cpu_most": max(cpu),
        }
    machine = {
        "processor": processor(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "rlr": __version__,
    }
    asked = {name: value for name, value in vars(arguments).items() if name != "json"}
    ratio = statistics.median(one["index"][0] / one["hashing"][0] for one in rounds)
    return {"machine": machine, "arguments": asked, "rows": rows, "ratio": ratio}


if __name__ == "__main__":
    sys.exit(main())
