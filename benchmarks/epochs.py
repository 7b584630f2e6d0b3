"""What an epoch costs with features computed every time, kept in memory, and kept on disk.

    python benchmarks/epochs.py [--size 256] [--images 16] [--epochs 3] [--rounds 3] [--json FILE]

Whole trainings by the published recipe on a few pictures of noise, with random weights of the
backbone, on one thread, in turn; processor time. The first epoch bears the features, the later
ones only what each of them costs. `disk` writes its cache, `disk, filled` finds it.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from rlr import __version__
from rlr.cache import find_shards
from rlr.config import Config, load_config
from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.manifest import Manifest
from rlr.foundation.documents import write_json
from rlr.foundation.machine import processor
from rlr.training.train import train

KINDS = ("off", "memory", "disk", "disk, filled")
BATCH = 8  # images a pass of the backbone

Row = dict[str, float]


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--size", type=int, default=256, help="side of the input in pixels")
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="tf_efficientnet_b6")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        manifest = draw(work / "data", arguments.images, arguments.size)
        rounds = [
            measure_round(work / str(number), manifest, arguments)
            for number in range(arguments.rounds)
        ]
    result = summarise(rounds, arguments)
    print(table(result["rows"]))
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def draw(root: Path, count: int, size: int) -> Manifest:
    """Draw noise pictures of one class: training images, and two for the threshold."""
    draws = np.random.default_rng(0)
    folder = root / "noise" / "train" / "good"
    folder.mkdir(parents=True)
    for number in range(count + 2):
        pixels = draws.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    manifest = index_images(DataConfig(validation_fraction=0.0), root)
    manifest.frame.loc[:1, "split"] = "validation"
    return manifest


def settings(kind: str, folder: Path, arguments: argparse.Namespace) -> Config:
    """Return the published recipe with features kept in one way."""
    size = arguments.size
    return load_config(
        "published",
        [
            f"features.cache={kind.split(',', maxsplit=1)[0]}",
            f"features.disk.folder={json.dumps(str(folder))}",
            f"features.backbone={{name: {arguments.backbone}, weights: random}}",
            f"features.preprocessing={{height: {size}, width: {size}}}",
            f"features.batch_size={BATCH}",
            f"training.epochs={arguments.epochs}",
            "training.threads=1",
            "training.device=cpu",
            "monitor.reference.images=0",
            "monitor.canary.images=0",
        ],
    )


def measure_round(work: Path, manifest: Manifest, arguments: argparse.Namespace) -> dict[str, Row]:
    """Train once in each way; return processor seconds an image."""
    found = {}
    for kind in KINDS:
        config = settings(kind, work / "cache", arguments)
        start = time.process_time()
        result = train(config, manifest, work / kind)
        history = json.loads((work / kind / "history.json").read_text())
        epochs = [record["cpu_seconds"] for record in history]
        found[kind] = {
            "first": (result["cpu_seconds"]["features"] + epochs[0]) / arguments.images,
            "later": statistics.median(epochs[1:]) / arguments.images,
            "training": (time.process_time() - start) / arguments.images,
            "gib": size_of(work / "cache"),
        }
    return found


def size_of(cache: Path) -> float:
    """Return the GiB of a cache."""
    files = [file for shard in find_shards(cache) for file in shard.iterdir()]
    return sum(file.stat().st_size for file in files) / 2**30


def summarise(rounds: list[dict[str, Row]], arguments: argparse.Namespace) -> dict:
    """Return medians, spread, and the medians of the ratios, taken round by round."""
    rows = {}
    for kind in KINDS:
        row = {}
        for name in ("first", "later"):
            values = [one[kind][name] for one in rounds]
            ratios = [one["off"][name] / one[kind][name] for one in rounds]
            row[name] = {
                "seconds_an_image": statistics.median(values),
                "least": min(values),
                "most": max(values),
                "times_as_fast_as_off": statistics.median(ratios),
            }
        rows[kind] = row
    machine = {
        "processor": processor(),
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "rlr": __version__,
    }
    asked = {name: value for name, value in vars(arguments).items() if name != "json"}
    size = rounds[0]["disk"]["gib"]
    return {"machine": machine, "arguments": asked, "cache_gib": size, "rows": rows}


def table(rows: dict[str, dict]) -> str:
    """Return a Markdown table."""
    lines = [
        "| features.cache | first epoch, s an image | later | first, times as fast | later |",
        "|---|---|---|---|---|",
    ]
    for kind, row in rows.items():
        seconds = [f"{row[name]['seconds_an_image']:.3f}" for name in ("first", "later")]
        ratios = [f"{row[name]['times_as_fast_as_off']:.2f}" for name in ("first", "later")]
        lines.append(f"| {kind} | {' | '.join(seconds + ratios)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
