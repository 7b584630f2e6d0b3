"""How long commands take to start: beside a bare interpreter, and beside the libraries alone.

    python benchmarks/start.py [--pairs 9] [--training] [--bytecode] [--against SRC] [--json FILE]

Processor time of whole processes, measured in turn; a ratio is taken pair by pair. --training adds
commands that load the large libraries: `rlr train` of the preset tiny on its own set, `rlr data
validate` of that set, and `rlr predict` of one image with what came out. --bytecode measures
everything without compiled files, too, as in an environment that was installed without them and
may not write any. --against measures the same commands with another checkout's `src`.
"""

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from rlr import __version__
from rlr.foundation.documents import write_json

RLR = [sys.executable, "-m", "rlr"]
OTHER = ", other"  # ends the name of a command of another checkout
BARE = ", no bytecode"  # ends the name of a command that finds no compiled files
COMMANDS = {
    "rlr --help": [*RLR, "--help"],
    "python": [sys.executable, "-c", "pass"],
    "import torch": [sys.executable, "-c", "import torch"],
}
RATIOS = [
    ("rlr --help", "python"),
    ("rlr --help", "import torch"),
    ("rlr train", "import timm"),
    ("rlr predict", "import timm"),
    ("rlr data validate", "import great_expectations"),
]

Round = Mapping[str, float]


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--training", action="store_true")
    parser.add_argument("--bytecode", action="store_true")
    parser.add_argument("--against", type=Path, metavar="SRC")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        commands = dict(COMMANDS)
        if arguments.training:
            commands |= training_commands(Path(folder))
        rounds = [
            measure(commands, arguments.against, arguments.bytecode, Path(folder))
            for _ in range(arguments.pairs + 1)
        ]
    result = summarise(rounds[1:])  # the first round fills the file cache
    for name, row in result["commands"].items():
        print(f"{name:30} {row['median']:6.3f} s  ({row['min']:.3f} to {row['max']:.3f})")
    for name, ratio in result["ratios"].items():
        print(f"{name}: {ratio:.2f}")
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def training_commands(folder: Path) -> dict[str, list[str]]:
    """Generate a set and train on it; return the commands that load a backbone."""
    images, output = folder / "set", folder / "train"
    settings = ["--config", "tiny", "--set", f"data.root={images}"]
    run([*RLR, "data", "synth", str(images), "--config", "tiny"], folder)
    train = [*RLR, "train", *settings, "--output", str(output)]
    run(train, folder)
    image = min(images.glob("*/test/*/*.png"))
    gx = "great_expectations"
    return {
        "import timm": [sys.executable, "-c", "import timm"],
        f"import {gx}": [sys.executable, "-c", f"import {gx}"],
        "rlr data validate": [*RLR, "data", "validate", str(images), "--config", "tiny"],
        "rlr train": train,
        "rlr predict": [*RLR, "predict", str(output / "model"), str(image)],
    }


def measure(
    commands: Mapping[str, list[str]], other: Path | None, bare: bool, folder: Path
) -> Round:
    """Run each command once, without bytecode too, and with another checkout too."""
    found = {}
    for name, words in commands.items():
        found[name] = run(words, folder)
        if bare:
            found[name + BARE] = run(words, folder, bare_of_bytecode(folder))
        if other is not None and name.startswith("rlr"):
            found[name + OTHER] = run(words, folder, {"PYTHONPATH": str(other.resolve())})
    return found


def bare_of_bytecode(folder: Path) -> dict[str, str]:
    """Return the environment of a process that looks for compiled files where there are none."""
    return {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": str(folder / "none")}


def run(words: list[str], folder: Path, more: Mapping[str, str] = MappingProxyType({})) -> float:
    """Return the processor time of a process, in seconds; what it leaves behind is in a folder."""
    own = {"RLR_ENV_FILE": os.devnull, "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'runs.db'}"}
    own |= more
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, capture_output=True, env=os.environ | own)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def summarise(rounds: list[Round]) -> dict[str, dict]:
    """Return medians, spread, and the median of the ratios."""
    names = list(rounds[0])
    commands = {
        name: {
            "median": statistics.median(values),
            "min": min(values),
            "max": max(values),
        }
        for name, values in ((name, [one[name] for one in rounds]) for name in names)
    }
    pairs = [*RATIOS, *((name, name + end) for name in names for end in (OTHER, BARE))]
    ratios = {
        f"{name} / {base}": statistics.median(one[name] / one[base] for one in rounds)
        for name, base in pairs
        if name in rounds[0] and base in rounds[0]
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
