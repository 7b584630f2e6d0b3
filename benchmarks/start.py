"""How long a command takes to start: `rlr --help` beside a bare interpreter and beside torch.

    python benchmarks/start.py [--pairs 9] [--json FILE]

Processor time of whole processes, measured in turn; the ratio is taken pair by pair.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
from pathlib import Path

from rlr import __version__
from rlr.foundation.documents import write_json

COMMANDS = {
    "rlr --help": [sys.executable, "-m", "rlr", "--help"],
    "python": [sys.executable, "-c", "pass"],
    "import torch": [sys.executable, "-c", "import torch"],
}
SUBJECT = "rlr --help"


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    rounds = [
        {name: seconds(words) for name, words in COMMANDS.items()}
        for _ in range(arguments.pairs + 1)
    ]
    result = summarise(rounds[1:])  # the first round fills the file cache
    for name, row in result["commands"].items():
        print(f"{name:14} {row['median']:6.3f} s  ({row['min']:.3f} to {row['max']:.3f})")
    for name, ratio in result["ratios"].items():
        print(f"{SUBJECT} / {name}: {ratio:.2f}")
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def seconds(words: list[str]) -> float:
    """Return the processor time of a process, in seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def summarise(rounds: list[dict[str, float]]) -> dict[str, dict]:
    """Return medians, spread, and the median of the ratios."""
    commands = {
        name: {
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
        }
        for name, values in ((name, [one[name] for one in rounds]) for name in COMMANDS)
    }
    ratios = {
        name: statistics.median(one[SUBJECT] / one[name] for one in rounds)
        for name in COMMANDS
        if name != SUBJECT
    }
    machine = {
        "processors": os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "rlr": __version__,
        "pairs": len(rounds),
    }
    return {"machine": machine, "commands": commands, "ratios": ratios}


if __name__ == "__main__":
    sys.exit(main())
