"""What exact metrics cost: beside the common way, and over as many pixels as one likes.

    python benchmarks/metrics.py [--maps 100] [--rounds 3] [--json FILE]
    python benchmarks/metrics.py --pixels 1000000000 [--held 16777216] [--json FILE]

The first measures AUPRO, pixel AUROC, average precision and F1-max of maps in memory, by processor
time on one thread and in turn with the baseline (`baseline_metrics.py`), each of whose habits is
also switched off alone. The second streams maps that are made when they are asked for, and states
time and greatest memory of this process.
"""

import argparse
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from synthetic_maps import SIDE, SyntheticMaps

from rlr.config.evaluation import EvaluationConfig
from rlr.evaluation.metrics import Sweep, rank_pixels
from rlr.foundation.build import current_build
from rlr.foundation.documents import write_json

LIMIT = 0.3
GOAL = 60.0
EVERY_KIND = 4  # maps, of which one has defects
HELD = EvaluationConfig().scores_held
OURS = "rlr"
Subjects = dict[str, Callable[[], dict[str, float | None]]]


def main() -> int:
    """Measure, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--maps", type=int, default=100, help="maps of 256 x 256 pixels")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--thresholds", type=int, default=1000, help="of the baseline's AUPRO")
    parser.add_argument("--pixels", type=int, help="stream about so many instead")
    parser.add_argument("--held", type=int, default=HELD, help="scores held at once")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.pixels:
        result = stream(arguments.pixels, arguments.held)
        print(stream_table([result]))
    else:
        result = side_by_side(arguments.maps, arguments.rounds, arguments.thresholds)
        print(table(result))
    if arguments.json:
        write_json(arguments.json, {"machine": describe_machine(), **result})
    return 0


def side_by_side(count: int, rounds: int, thresholds: int) -> dict[str, Any]:
    """Time all subjects in turn; the baseline comes first."""
    subjects = make_subjects(count, thresholds)
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    values = {}
    for _ in range(rounds):
        for name, run in subjects.items():
            start = time.process_time()
            values[name] = run()
            seconds[name].append(time.process_time() - start)
    base, ours = next(iter(seconds.values())), seconds[OURS]
    return {
        "maps": count,
        "rounds": rounds,
        "thresholds": thresholds,
        "goal": GOAL,
        "subjects": {
            name: {
                "seconds": spread(own),
                "baseline_over_this": spread([a / b for a, b in zip(base, own, strict=True)]),
                "this_over_rlr": spread([a / b for a, b in zip(own, ours, strict=True)]),
                "values": values[name],
            }
            for name, own in seconds.items()
        },
    }


def make_subjects(count: int, thresholds: int) -> Subjects:
    """Return what is timed, by name."""
    from dataclasses import replace

    from baseline_metrics import PUBLISHED, MetricHabits, baseline_metrics

    made = SyntheticMaps(count)
    masks, maps = np.stack(list(made.masks)), np.stack(list(made.maps))
    habits = {"baseline": PUBLISHED}
    for name in ("relabel", "repaint", "resort"):
        habits[f"without {name}"] = replace(PUBLISHED, **{name: False})
    habits["without all three"] = MetricHabits(False, False, False)
    subjects: Subjects = {
        name: lambda own=own: baseline_metrics(masks, maps, LIMIT, thresholds, own)
        for name, own in habits.items()
    }
    subjects[OURS] = lambda: exact(SyntheticArrays(masks, maps), HELD)
    return subjects


class SyntheticArrays:
    """Masks and maps that are there already."""

    def __init__(self, masks: np.ndarray, maps: np.ndarray) -> None:
        self.masks, self.maps = masks, maps


def exact(made: SyntheticMaps | SyntheticArrays, held: int) -> dict[str, float | None]:
    """Return this project's metrics."""
    values = Sweep.over(rank_pixels(made.masks, made.maps, held), [LIMIT]).values("pixel")
    return {"aupro": values.pop(f"aupro_{LIMIT:.2f}"), **values}


def stream(pixels: int, held: int) -> dict[str, Any]:
    """Measure about so many pixels, and state time and memory."""
    count = max(EVERY_KIND, round(pixels / SIDE**2))
    made = SyntheticMaps(count)
    before, wall, start = peak_mib(), time.perf_counter(), time.process_time()
    values = exact(made, held)
    seconds, passed = time.process_time() - start, time.perf_counter() - wall
    walk = time.process_time()
    for mask, scores in zip(made.masks, made.maps, strict=True):
        del mask, scores
    return {
        "pixels": count * SIDE**2,
        "maps": count,
        "held": held,
        "cpu_seconds": seconds,
        "wall_seconds": passed,
        "one_walk_seconds": time.process_time() - walk,
        "nanoseconds_a_pixel": seconds / count / SIDE**2 * 1e9,
        "peak_mib": peak_mib(),
        "peak_before_mib": before,
        "values": values,
    }


def table(result: dict[str, Any]) -> str:
    """Return the comparison as Markdown."""
    lines = [
        f"{result['maps']} maps of {SIDE} x {SIDE}, goal {result['goal']:g}x, "
        f"{result['rounds']} rounds",
        "",
        "| subject | CPU s | baseline / it | it / rlr | AUPRO |",
        "|---|---|---|---|---|",
    ]
    for name, row in result["subjects"].items():
        ratios = (_range(row[key]) for key in ("baseline_over_this", "this_over_rlr"))
        lines.append(
            f"| {name} | {row['seconds']['median']:.3f} | {' | '.join(ratios)} "
            f"| {row['values']['aupro']:.4f} |"
        )
    return "\n".join(lines)


def stream_table(results: list[dict[str, Any]]) -> str:
    """Return streams as Markdown."""
    lines = [
        "| pixels | held at once | CPU s | of that, making maps once | ns a pixel | peak MiB "
        "| before |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row['pixels']:,} | {row['held']:,} | {row['cpu_seconds']:.2f} "
        f"| {row['one_walk_seconds']:.2f} | {row['nanoseconds_a_pixel']:.0f} "
        f"| {row['peak_mib']:.0f} | {row['peak_before_mib']:.0f} |"
        for row in results
    ]
    return "\n".join(lines)


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _range(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.1f}x ({ratio['min']:.1f} to {ratio['max']:.1f})"


def peak_mib() -> float:
    """Return the greatest resident memory of this process so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def describe_machine() -> dict[str, Any]:
    """Return processor, versions, and how busy the machine is."""
    from rlr.registry.facts import processor

    build = current_build()
    return {
        "processor": processor(),
        "processors": os.cpu_count(),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        **{name: metadata.version(name) for name in ("numpy", "scipy", "scikit-learn")},
        "rlr": build.version,
        "commit": build.commit,
        "dirty": build.dirty,
    }


if __name__ == "__main__":
    sys.exit(main())
