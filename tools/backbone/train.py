"""Train the package's own backbone on procedural images: train.py [--work DIR] [--output FILE]

One command, on the processor, from nothing to src/rlr/features/packaged/rlrnet.safetensors.
Killed at any moment, the same command goes on from the last complete epoch, and the weights come
out as if nothing had happened. `--export` writes what the last checkpoint is worth, and stops.
"""

import argparse
import logging
import sys
import time
from pathlib import Path

import torch
from export import export
from lessons import Lessons
from recipe import DEFAULT, Terms, read_recipe

from rlr.foundation.errors import RlrError
from rlr.foundation.progress import track

PROJECT = Path(__file__).resolve().parents[2]
OUTPUT = PROJECT / "src/rlr/features/packaged/rlrnet.safetensors"

logger = logging.getLogger("rlr")


def main() -> int:
    """Train and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--recipe", type=Path, default=DEFAULT, help="JSON file")
    parser.add_argument("--work", type=Path, default=PROJECT / ".rlr/backbone", help="checkpoints")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="weights file to write")
    parser.add_argument("--threads", type=int, default=1, help="other counts round otherwise")
    parser.add_argument("--export", action="store_true", help="write the last checkpoint and stop")
    options = parser.parse_args()
    logging.basicConfig(format="%(asctime)s %(message)s", stream=sys.stderr, datefmt="%H:%M:%S")
    logger.setLevel(logging.INFO)
    torch.set_num_threads(options.threads)
    try:
        lessons = Lessons(read_recipe(options.recipe), options.work)
        if not options.export:
            learn(lessons)
        digest = export(lessons, options.output)
    except RlrError as error:
        logger.error("backbone: %s", error)
        return error.exit_status
    print(f"{options.output}: sha256 {digest}")
    return 0


def learn(lessons: Lessons) -> None:
    """Run the epochs that are left."""
    if lessons.history:
        logger.info("Going on after epoch %d.", len(lessons.history))
    start = time.monotonic()
    for number in track(lessons.left, "epochs"):
        record = lessons.epoch(number)
        terms = ", ".join(f"{name} {record[name]:.3f}" for name in Terms.model_fields)
        logger.info(
            "epoch %d of %d: %s; %.1f s of processor (%.0f %% drawing), %.0f s so far",
            number + 1,
            lessons.recipe.epochs,
            terms,
            record["cpu_seconds"],
            100 * record["drawing_seconds"] / record["cpu_seconds"],
            time.monotonic() - start,
        )


if __name__ == "__main__":
    sys.exit(main())
