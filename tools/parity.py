"""Hold the project against numbers made elsewhere: `parity.py model FILE`, `metrics NPZ JSON`.

Prints one line a comparison. Exit status 0 where all agree, 1 where one does not, 2 where a file
cannot be read.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from rlr.foundation.errors import UserError


class Line(Protocol):
    """One comparison; as text it says what was compared, and the error."""

    @property
    def passed(self) -> bool: ...


def compare(arguments: argparse.Namespace) -> Iterator[Line]:
    """Run the comparison that was asked for; torch is imported for the model alone."""
    if arguments.subject == "model":
        from parity_model import compare_model

        return compare_model(arguments.file)
    from parity_metrics import compare_metrics

    return compare_metrics(arguments.arrays, arguments.values)


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    subjects = parser.add_subparsers(dest="subject", required=True)
    model = subjects.add_parser("model", help="network, loss, gradients, maps and scores")
    model.add_argument("file", type=Path, metavar="FILE", help="safetensors")
    metrics = subjects.add_parser("metrics", help="image and pixel metrics, AUPRO")
    metrics.add_argument("arrays", type=Path, metavar="NPZ", help="CASE.scores and CASE.masks")
    metrics.add_argument("values", type=Path, metavar="JSON", help="{case: {key: value}}")
    return parser.parse_args()


def main() -> int:
    """Print all lines, and return the exit status."""
    failed = compared = 0
    try:
        for line in compare(read_arguments()):
            print(line)
            compared += 1
            failed += not line.passed
    except UserError as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except LookupError as error:
        print(error.args[0], file=sys.stderr)
        return 1
    print(f"{compared - failed} of {compared} agree")
    return 1 if failed or not compared else 0


if __name__ == "__main__":
    sys.exit(main())
