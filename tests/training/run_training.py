"""A training in a process of its own: run_training.py MANIFEST ROOT OUTPUT key=value..."""

import sys
from pathlib import Path

from rlr.config import load_config
from rlr.data.manifest import read_manifest
from rlr.training.checkpoint import EpochRecord
from rlr.training.train import train


def tell(record: EpochRecord) -> None:
    print("epoch", record.epoch, flush=True)  # noqa: T201


if __name__ == "__main__":
    manifest, root, output = map(Path, sys.argv[1:4])
    config = load_config("tiny", ["training.threads=1", *sys.argv[4:]])
    train(config, read_manifest(manifest, root), output, tell)
