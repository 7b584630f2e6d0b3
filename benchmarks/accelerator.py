"""How fast a device trains: images a second, share of its peak, memory, and a whole training.

    python benchmarks/accelerator.py [--device auto] [--precisions fp32 tf32 bf16]
        [--compile off kernels graphs] [--images N] [--epochs N] [--full] [--json FILE]

The published recipe on a graphics card; on a processor a small network, so that the command can be
tried. Pixels and weights are random. The time of 3,629 images and 200 epochs is extrapolated from
the epochs that were measured, and said to be, unless --full runs them all.
"""

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Any

import torch
from accelerated.device import Device
from accelerated.subjects import EPOCHS, IMAGES, Outcome, Size, train_baseline, train_ours

from rlr import __version__
from rlr.config import Config, load_config
from rlr.detection.device import pick_device
from rlr.foundation.documents import write_json

SMALL = (
    "features.backbone={name: resnet18, weights: random}",
    "features.preprocessing={height: 128, width: 128}",
    "model.levels=[{index: 2, width: 64, layers: 2, heads: 4}, {index: 3, width: 96, layers: 2}]",
)
PUBLISHED = ("features.backbone.weights=random",)
HEADS = (
    "variant",
    "images/s",
    "share of peak",
    "peak MiB",
    "whole training, h",
    "baseline / this",
)


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    words = parse()
    device = Device(pick_device(words.device), side=8192)
    if not device.is_cuda:
        torch.set_num_threads(1)
        device = Device(device.torch, side=768)
    size = Size(IMAGES, EPOCHS) if words.full else Size(words.images, words.epochs)
    precisions = [name for name in words.precisions if name != "tf32" or device.is_cuda]
    peaks = {name: device.gemm_peak(name) for name in precisions}
    rows: list[dict[str, Any]] = []
    for precision in precisions:
        base = train_baseline(configure(device, size, precision, "off", words.batch), size, device)
        rows.append({"variant": f"baseline {precision}", **base.row(size, peaks[precision])})
        for kind in words.compile:
            config = configure(device, size, precision, kind, words.batch)
            rows.append(row_of(config, size, device, peaks[precision], base))
    document = {"device": describe(device), "gemm_peak": peaks, "rows": rows}
    print(f"{device.name()}; {size.images} images, {size.epochs} epochs measured")
    print(table(rows))
    if words.json:
        write_json(words.json, document)
    return 0


def parse() -> argparse.Namespace:
    """Read the words of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precisions", nargs="+", default=["fp32", "tf32", "bf16"])
    parser.add_argument("--compile", nargs="+", default=["off"])
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--images", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    words = parser.parse_args()
    if words.epochs < 2 or words.images < words.batch:
        parser.error("measure at least two epochs, for the first one warms up, and one batch")
    return words


def configure(device: Device, size: Size, precision: str, kind: str, batch: int) -> Config:
    """Return the configuration of a variant."""
    overrides = PUBLISHED if device.is_cuda else SMALL
    return load_config(
        "published",
        [
            *overrides,
            f"training.epochs={size.epochs}",
            f"training.batch_size={batch}",
            f"training.precision={precision}",
            f"training.compile={kind}",
            "model.local=tiled",
        ],
    )


def row_of(
    config: Config, size: Size, device: Device, peak: float, base: Outcome
) -> dict[str, Any]:
    """Train a variant and return its row."""
    training = config.training
    row = train_ours(config, size, device).row(size, peak)
    row["variant"] = f"rlr {training.precision}, compile {training.compile}"
    slow = base.row(size, peak)["full_training_seconds"]
    row["ratio"] = slow / row["full_training_seconds"]
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows as a table in Markdown."""
    lines = [f"| {' | '.join(HEADS)} |", "|---" * len(HEADS) + "|"]
    for row in rows:
        hours = f"{row['full_training_seconds'] / 3600:.3g}"
        cells = [
            row["variant"],
            f"{row['images_per_second']:.1f}",
            f"{row['share_of_peak']:.1%}",
            f"{row['peak_mib']:.0f}",
            f"{hours} (extrapolated)" if row["extrapolated"] else hours,
            f"{row['ratio']:.2f}" if "ratio" in row else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def describe(device: Device) -> dict[str, Any]:
    """Return what the figures were measured on."""
    return {
        "name": device.name(),
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "rlr": __version__,
    }


if __name__ == "__main__":
    sys.exit(main())
