"""How fast this is beside the published algorithm, piece by piece.

    python benchmarks/speed.py [--rows step features ...] [--rounds 5] [--wall] [--compile]
                               [--batch 4] [--json FILE]

All subjects of a row are measured in turn in one run: processor time on one thread, and with
`--wall` also wall-clock time on two. A ratio says how many times as fast as the baseline
(`baseline.py`), as the median over the rounds; `peak` is the share of what a large matrix product
reaches in the same run. Peak memory is that of processes of their own.
"""

import argparse
import sys
from pathlib import Path

from timing.machine import describe_machine
from timing.rows import ROWS, Plan
from timing.table import markdown
from timing.work import BATCH

from rlr.foundation.documents import write_json


def main(words: list[str] | None = None) -> int:
    """Measure, print the table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS), metavar="ROW")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=BATCH, help="images a training step")
    parser.add_argument("--wall", action="store_true", help="wall-clock time on two threads, too")
    parser.add_argument("--compile", action="store_true", help="torch.compile, too: minutes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(words)
    plan = Plan(asked.rounds, asked.wall, asked.compile, asked.batch)
    rows = []
    for name in asked.rows:
        rows.append(ROWS[name](plan))
        print(markdown(rows[-1:]), flush=True)
        if asked.json:  # after each row: what was measured is not lost
            document = {
                "machine": describe_machine(),
                "rounds": asked.rounds,
                "batch": asked.batch,
                "peak_gflops": {str(kind): peak / 1e9 for kind, peak in plan.peaks.items()},
                "rows": [row.as_dict() for row in rows],
            }
            write_json(asked.json, document)
    return 0


if __name__ == "__main__":
    sys.exit(main())
