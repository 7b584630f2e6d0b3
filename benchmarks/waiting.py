"""What it costs that threads wait for each other, on idle and on busy processors.

    python benchmarks/waiting.py [--rounds 2] [--json benchmarks/results/performance/waiting.json]

A training of the preset demo's networks on a small generated set, in fresh processes and in turn:
as `rlr` sets it, as GNU's OpenMP does by itself, asleep at once, and with one thread. Then the same
beside as many busy processes as there are processors. Wall-clock and processor time, medians.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from timing.machine import describe_machine

from rlr.foundation.documents import write_json
from rlr.foundation.threads import CHOICES, SPINS

RLR = [sys.executable, "-m", "rlr"]
SIZES = ("train_good=40", "test_good=1", "test_defective=1", "seed=7")
SUBJECTS: Mapping[str, Mapping[str, str]] = {
    "rlr": {},
    "OpenMP by itself": {SPINS: "300000"},  # what libgomp does where nothing is said
    "asleep at once": {"OMP_WAIT_POLICY": "passive"},
    "one thread": {"OMP_NUM_THREADS": "1"},
}
NEIGHBOURS = {"idle": 0, "busy": os.cpu_count() or 1}


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--json", type=Path, metavar="FILE")
    words = parser.parse_args()
    with TemporaryDirectory() as folder:
        train = prepare(Path(folder), words.epochs)
        rows = [
            row
            for machine, neighbours in NEIGHBOURS.items()
            for row in side_by_side(machine, neighbours, train, Path(folder), words.rounds)
        ]
    print("| processors | threads | wall s | CPU s |\n|---|---|---|---|")
    for row in rows:
        print("| {machine} | {threads} | {wall_s:.1f} | {cpu_s:.1f} |".format_map(row))
    if words.json:
        machine = describe_machine()
        write_json(words.json, {"machine": machine, "rounds": words.rounds, "rows": rows})
    return 0


def prepare(folder: Path, epochs: int) -> list[str]:
    """Generate the images; return the command that trains on them."""
    images = folder / "set"
    sizes = [word for size in SIZES for word in ("--set", f"synthetic.{size}")]
    subprocess.run(
        [*RLR, "data", "synth", str(images), "--config", "demo", *sizes],
        check=True,
        capture_output=True,
    )
    settings = (f"data.root={images}", f"training.epochs={epochs}", "decoder.enabled=false")
    sets = [word for value in settings for word in ("--set", value)]
    return [*RLR, "train", "--config", "demo", *sets, "--output", str(folder / "train")]


def side_by_side(
    machine: str, neighbours: int, train: list[str], folder: Path, rounds: int
) -> list[dict[str, str | float]]:
    """Run every subject once a round, and return the medians."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in SUBJECTS}
    with busy(neighbours):
        for _ in range(rounds):
            for name, variables in SUBJECTS.items():
                seconds[name].append(run(train, folder, variables))
    return [
        {
            "machine": machine,
            "threads": name,
            "wall_s": statistics.median(wall for wall, _ in found),
            "cpu_s": statistics.median(cpu for _, cpu in found),
        }
        for name, found in seconds.items()
    ]


def run(train: list[str], folder: Path, variables: Mapping[str, str]) -> tuple[float, float]:
    """Return wall-clock and processor time of a training, in seconds."""
    own = {"RLR_ENV_FILE": os.devnull, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'runs.db'}"}
    clean = {name: value for name, value in os.environ.items() if name not in CHOICES}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(train, check=True, capture_output=True, env=clean | own | dict(variables))
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many processors busy."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


if __name__ == "__main__":
    sys.exit(main())
