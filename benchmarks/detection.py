"""How good detection is, and what it costs: this package and PatchCore under one protocol.

    python benchmarks/detection.py run --config published --set KEY=VALUE --root FOLDER \
        --seeds 0 1 2 --out FILE.json --epochs-measured 1 5 15
    python benchmarks/detection.py patchcore --config published --root FOLDER --out FILE.json
    python benchmarks/detection.py show FILE.json ...
    python benchmarks/detection.py compare FILE.json OTHER.json ...
    python benchmarks/detection.py closed RANDOM.json GOAL.json FILE.json ...
    python benchmarks/detection.py plot FILE.json ... --out curve.svg
    python benchmarks/detection.py page docs/detection.md

FOLDER holds class folders in MVTec AD's layout. Results are written as they come, and a command
that was interrupted goes on where it was when it is given again. See docs/detection.md.
"""

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from quality.closed import closed_table
from quality.curve import write_curve
from quality.difference import difference_table
from quality.openings import LEDGER, reason_of
from quality.pages import rewrite
from quality.results import Results, head_of, read_results
from quality.tables import comparison_table, show

from rlr.config import Config, load_config
from rlr.foundation.errors import RlrError, UserError

if TYPE_CHECKING:
    from quality.protocol import Tree

LIMIT, PATCHES = 120, 8000  # a class: training images that are given, and patches kept


def main(words: list[str] | None = None) -> int:
    """Run one of the commands; the exit status is that of `rlr`."""
    arguments = _parser().parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    try:
        arguments.command(arguments)
    except RlrError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    return 0


def run(arguments: argparse.Namespace) -> None:
    """Train and measure this package."""
    from quality import own

    config, tree = _prepare(arguments)
    epochs = own.check_epochs(config, arguments.epochs_measured)
    why = None if tree.development else reason_of(config, arguments.reason)
    head = _head("rlr", arguments, config, tree, epochs)
    with Results.open(arguments.out, head) as results:
        announce = own.announce_to(results, tree, why, arguments.ledger)
        for seed in arguments.seeds:
            own.measure_seed(_seeded(config, seed), tree, epochs, results, announce)


def run_patchcore(arguments: argparse.Namespace) -> None:
    """Measure PatchCore on the features of a configuration."""
    from quality import own, patchcore

    config, tree = _prepare(arguments)
    why = None if tree.development else arguments.reason or "PatchCore: the yardstick"
    settings = patchcore.Settings(arguments.banks, arguments.patches, arguments.subset)
    head = _head("patchcore", arguments, config, tree, [], patchcore=vars(settings))
    with Results.open(arguments.out, head) as results:
        announce = own.announce_to(results, tree, why, arguments.ledger)
        for seed in arguments.seeds:
            patchcore.measure_seed(_seeded(config, seed), settings, tree, results, announce)


def show_tables(arguments: argparse.Namespace) -> None:
    """Print the tables of results files."""
    documents = [read_results(file) for file in arguments.files]
    if len(documents) > 1:
        print(comparison_table(documents), end="\n\n")
    print("\n\n".join(show(document) for document in documents))


def compare(arguments: argparse.Namespace) -> None:
    """Print how far the first result is from the others."""
    pairs = [(file, read_results(file)) for file in arguments.files]
    if len(pairs) < 2:
        raise UserError("compare: name two results files at least, the one in question first.")
    print(difference_table(pairs))


def close(arguments: argparse.Namespace) -> None:
    """Print how much of the gap between the first two results the others close."""
    print(closed_table([read_results(file) for file in arguments.files]))


def plot(arguments: argparse.Namespace) -> None:
    """Draw quality over CPU time of training."""
    write_curve([read_results(file) for file in arguments.files], arguments.out)


def rewrite_page(arguments: argparse.Namespace) -> None:
    """Write the tables of a page anew."""
    print(f"{arguments.page}: {rewrite(arguments.page)} tables")


def _prepare(arguments: argparse.Namespace) -> "tuple[Config, Tree]":
    from quality.protocol import open_tree

    if arguments.out.suffix != ".json":
        raise UserError(f"--out {arguments.out}: name a file that ends in .json.")
    # Every epoch is saved: a run of hours may end at any time.
    overrides = [*arguments.set, "training.checkpoint_epochs=1"]
    if arguments.threads:
        overrides.append(f"training.threads={arguments.threads}")
    config = load_config(arguments.config, overrides)
    return config, open_tree(arguments.root, config.data, arguments.limit, arguments.development)


def _head(
    method: str,
    arguments: argparse.Namespace,
    config: Config,
    tree: "Tree",
    epochs: list[int],
    **more: object,
) -> dict[str, object]:
    head = head_of(method, config, arguments.config, arguments.set, tree, **more)
    return head | {"seeds": arguments.seeds, "epochs_measured": epochs}


def _seeded(config: Config, seed: int) -> Config:
    return config.model_copy(update={"seed": seed})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    one = commands.add_parser("run", help="train and measure this package")
    _add_measurement(one)
    one.add_argument("--epochs-measured", type=_at_least(1), nargs="+", metavar="EPOCH")
    one.set_defaults(command=run)
    other = commands.add_parser("patchcore", help="measure PatchCore on the same features")
    _add_measurement(other)
    other.add_argument("--banks", choices=["class", "all"], default="class")
    other.add_argument("--patches", type=_at_least(1), default=PATCHES, help="kept a class")
    other.add_argument("--subset", choices=["random", "greedy"], default="random")
    other.set_defaults(command=run_patchcore)
    _add_readers(commands)
    return parser


def _add_readers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, command, told in (
        ("show", show_tables, "print tables (Markdown)"),
        ("compare", compare, "paired intervals of the first file against the others"),
        ("closed", close, "print the share of the gap that is closed between the first two"),
        ("plot", plot, "draw quality over CPU time of training"),
    ):
        reader = commands.add_parser(name, help=told)
        reader.add_argument("files", type=Path, nargs="+", metavar="FILE.json")
        reader.set_defaults(command=command)
        if name == "plot":
            reader.add_argument("--out", type=Path, required=True, metavar="FILE.svg")
    page = commands.add_parser("page", help="write the tables of a page anew")
    page.add_argument("page", type=Path, metavar="PAGE.md")
    page.set_defaults(command=rewrite_page)


def _at_least(least: int) -> Callable[[str], int]:
    """Return what reads a number from a command line."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"'{text}' is no whole number from {least} on")
        return int(text)

    return read


def _add_measurement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", required=True, help="preset or file")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--root", type=Path, required=True, help="folder of class folders")
    parser.add_argument("--seeds", type=_at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.json")
    parser.add_argument("--limit", type=_at_least(1), default=LIMIT, help="training images a class")
    parser.add_argument("--threads", type=_at_least(1), help="threads of every computation")
    parser.add_argument("--development", action="store_true", help="the tree is a development one")
    parser.add_argument("--reason", help="why real test images are opened for this configuration")
    parser.add_argument("--ledger", type=Path, default=LEDGER, help="list of such openings")


if __name__ == "__main__":
    sys.exit(main())
