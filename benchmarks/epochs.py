"""How fast whole epochs are beside the published algorithm, which runs the backbone in each.

    python benchmarks/epochs.py [--images 32] [--rounds 3] [--set KEY=VALUE ...] [--json FILE]

All epochs are measured in turn in one run: processor time on one thread, as in `speed.py`. A first
epoch computes the features of all images and keeps them as `features.cache` says, in a folder that
is empty for `disk`; a later one finds them. Networks, order of the images and losses are the same
on both sides; the jitter, for which each has draws of its own, is off.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from timing.clock import Clock, Timing, measure
from timing.epochs import BaselineEpochs, OurEpochs, draw_images, epoch_settings
from timing.machine import describe_machine
from timing.table import Row, markdown

from rlr.config import Config
from rlr.foundation.documents import write_json

GOALS = {"first": 3.0, "later": 4.0}  # with features on disk


def main(words: list[str] | None = None) -> int:
    """Measure, print the table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=32, help="full passes of the backbone: 16")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", dest="overrides")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(words)
    config = epoch_settings(asked.overrides)
    row = measure_epochs(config, asked.images, asked.rounds)
    print(markdown([row]))
    if asked.json:
        document = {
            "machine": describe_machine(),
            "rounds": asked.rounds,
            "images": asked.images,
            "batch": config.training.batch_size,
            "backbone": config.features.backbone.name,
            "goals": GOALS,
            "rows": [row.as_dict()],
        }
        write_json(asked.json, document)
    return 0


def measure_epochs(config: Config, count: int, rounds: int) -> Row:
    """Measure the epochs of so many images, after those of a single batch, which warm up."""
    with tempfile.TemporaryDirectory() as name:
        _measure(config, config.training.batch_size, Clock(1), Path(name) / "few")
        timings = _measure(config, count, Clock(rounds), Path(name) / "all")
    goals = ", ".join(f"{goal:g}x {which}" for which, goal in GOALS.items())
    return Row(f"an epoch of {count} images, fp32 (goal on disk: {goals})", timings)


def _measure(config: Config, count: int, clock: Clock, folder: Path) -> dict[str, Timing]:
    images = draw_images(folder / "images", count, config.features.preprocessing.height)
    disk, memory, off = (
        OurEpochs(config, images, cache, folder / "cache") for cache in ("disk", "memory", "off")
    )
    return measure(
        {
            "baseline": BaselineEpochs(config, images).epoch,
            "rlr, disk, first": disk.first,
            "rlr, disk, later": disk.later,
            "rlr, memory, first": memory.first,
            "rlr, memory, later": memory.later,
            "rlr, off": off.first,
        },
        clock,
    )


if __name__ == "__main__":
    sys.exit(main())
