"""What training and inference cost as images, classes, pixels, tokens and processes grow.

    python benchmarks/scaling.py [--quick] [--out benchmarks/results/performance]

Processor time on one thread and peak memory, each point in a process of its own; writes
`scaling.json` and `scaling.png` and prints tables. An exponent of 1 is growth in proportion. Where
operations are counted (`_gflop`), a time that grows faster than they do is a machine that gets less
done a second, and one that grows slower has costs a call that do not grow.
"""

import argparse
import itertools
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is loaded

import torch
from growth import teamwork, work
from growth.isolated import isolated
from growth.picture import draw
from timing.machine import describe_machine

from rlr.foundation.documents import write_json

Point = dict[str, float]
AREAS = {"grid": "tokens", "side": "pixels"}  # of a square, by the name of its side
VARIABLES = {
    "images": "images",
    "classes": "classes",
    "input": "pixels",
    "grid_tiled": "tokens",
    "grid_dense": "tokens",
}


@dataclass(frozen=True)
class Values:
    """Where each curve is measured."""

    images: Sequence[int] = (32, 64, 128, 256)
    classes: Sequence[int] = (1, 2, 4, 8, 16)  # of 64 images
    sides: Sequence[int] = (64, 96, 128, 192, 256)  # pixels
    grids: Sequence[int] = (8, 12, 16, 24, 32, 48)  # tokens
    processes: Sequence[int] = (1, 2)
    published: bool = True  # the published networks, too, in several processes


QUICK = Values((16, 32, 64), (1, 4, 8), (64, 128, 192), (8, 16, 24, 32), published=False)


def main() -> int:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    default = Path(__file__).parent / "results" / "performance"
    parser.add_argument("--quick", action="store_true", help="fewer and smaller points")
    parser.add_argument("--out", type=Path, default=default, metavar="DIR")
    words = parser.parse_args()
    out: Path = words.out
    torch.set_num_threads(1)
    curves = measure(QUICK if words.quick else Values())
    out.mkdir(parents=True, exist_ok=True)
    document = {"machine": describe_machine(), "curves": curves, "exponents": exponents(curves)}
    write_json(out / "scaling.json", document)
    draw(curves, out / "scaling.png")
    return 0


def measure(at: Values) -> dict[str, list[Point]]:
    """Measure all curves."""
    return {
        "images": curve("images", at.images, work.of_images),
        "classes": curve("classes", at.classes, work.of_classes),
        "input": curve("side", at.sides, work.of_input),
        "grid_tiled": curve("grid", at.grids, partial(work.of_grid, local="tiled")),
        "grid_dense": curve("grid", at.grids, partial(work.of_grid, local="dense")),
        "processes_small": processes(at.processes, teamwork.SMALL),
        "processes_published": processes(at.processes if at.published else (), teamwork.PUBLISHED),
    }


def curve(variable: str, values: Sequence[int], measured: Callable[[int], Point]) -> list[Point]:
    """Measure one point a value, each in a process of its own, and print them."""
    points = []
    for value in values:
        point: Point = {variable: value, **isolated(partial(measured, value))}
        if variable in AREAS:
            point[AREAS[variable]] = value * value
        points.append(point)
        show(point)
    return points


def processes(counts: Sequence[int], work: teamwork.Work) -> list[Point]:
    """Measure an epoch in one process and in several; efficiency is the single one's share."""
    points = []
    for count in counts:
        point: Point = {"processes": count, **teamwork.measure(count, work)}
        alone = points[0] if points else point
        point["cpu_efficiency"] = alone["cpu_s"] / point["cpu_s"]
        point["wall_efficiency"] = alone["wall_s"] / (count * point["wall_s"])
        points.append(point)
        show(point)
    return points


def exponents(curves: Mapping[str, Sequence[Point]]) -> dict[str, dict[str, list[float]]]:
    """Return between each two points of a curve how steep it is: d log cost / d log variable."""
    return {
        name: {
            key: slopes([p[variable] for p in curves[name]], [p[key] for p in curves[name]])
            for key in curves[name][0]
            if key.endswith(("_s", "_mib", "_gflop"))
        }
        for name, variable in VARIABLES.items()
    }


def slopes(across: Sequence[float], up: Sequence[float]) -> list[float]:
    """Return the slope of each piece of a curve, on logarithmic axes."""
    points = list(zip(across, up, strict=True))
    return [
        round(math.log(b[1] / a[1]) / math.log(b[0] / a[0]), 2)
        for a, b in itertools.pairwise(points)
    ]


def show(point: Point) -> None:
    """Print a point as a line."""
    print("  ".join(f"{name} {value:.4g}" for name, value in point.items()), flush=True)


if __name__ == "__main__":
    sys.exit(main())
