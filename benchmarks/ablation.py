"""What each choice of the preset `default` is worth: ablation.py --root TREE --out FOLDER

Each variant of `ablation.yaml` takes one choice back, or adds one that was not taken, and is
trained and measured on a development tree with the same seeds. Variants that differ in scoring
alone share a training. What is measured is not measured again: a run of hours may end at any time.
"""

import argparse
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import yaml
from quality import own
from quality.choices import BASE, choices_table
from quality.protocol import Tree, open_tree
from quality.results import Results, head_of

from rlr.config import Config, load_config
from rlr.foundation.documents import digest
from rlr.foundation.errors import RlrError
from rlr.training.train import train

VARIANTS = Path(__file__).with_suffix(".yaml")
TRAINED = ".trained"
DEPENDS = ("seed", "features", "model", "training")  # what the trained weights depend on


def main() -> int:
    """Measure what is missing, print the table, and return the exit status."""
    arguments = _parser().parse_args()
    try:
        plan = yaml.safe_load(VARIANTS.read_text(encoding="utf-8"))
        variants = {BASE: [], **plan["variants"]}
        for seed in arguments.seeds:
            for name, changes in variants.items():
                if not arguments.only or name in arguments.only:
                    measure(name, [*plan["base"], *arguments.set, *changes], seed, arguments)
    except RlrError as error:
        print(f"ablation: {error}", file=sys.stderr)
        return error.exit_status
    print(choices_table(arguments.out))
    return 0


def measure(name: str, overrides: list[str], seed: int, arguments: argparse.Namespace) -> None:
    """Train and measure a variant with one seed, unless that is done."""
    fixed = ["training.checkpoint_epochs=1", f"training.threads={arguments.threads}"]
    config = load_config("default", [*overrides, *fixed, f"seed={seed}"])
    tree = open_tree(arguments.root, config.data, arguments.limit, development=True)
    head = head_of("run", config, "default", overrides, tree, variant=name)
    epoch = config.training.epochs
    head |= {"seeds": arguments.seeds, "epochs_measured": [epoch]}
    path = arguments.out / f"{re.sub(r'[^a-z0-9]+', '-', name.lower()).strip('-')}.json"
    with Results.open(path, head) as results:
        if not results.has(seed, epoch):
            folder = results.work / f"seed-{seed}"
            trained = train_shared(config, tree, folder, arguments.out / TRAINED)
            own.record_epoch(config, tree, epoch, trained, folder, results)
            shutil.rmtree(folder)


def train_shared(config: Config, tree: Tree, folder: Path, kept: Path) -> dict[str, Any]:
    """Train, or take the weights of a variant that was trained alike, and fit the scoring anew."""
    values = config.model_dump(mode="json")
    mine = kept / digest({name: values[name] for name in DEPENDS})[:16]
    if mine.is_dir():
        shutil.copytree(mine, folder / "checkpoint", dirs_exist_ok=True)

    def keep(record: Any) -> None:
        if record.epoch == config.training.epochs:
            shutil.copytree(folder / "checkpoint", mine, dirs_exist_ok=True)

    return train(config, tree.manifest, folder, on_epoch=keep)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--root", type=Path, required=True, help="a development tree")
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int, default=60, help="training images a class")
    parser.add_argument("--threads", type=int, default=1, help="threads of every computation")
    parser.add_argument("--only", nargs="+", metavar="VARIANT", help="leave the others out")
    return parser


if __name__ == "__main__":
    sys.exit(main())
