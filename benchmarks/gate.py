"""How often the gate promotes, rejects, and cannot tell: simulated test sets, and real seeds.

    python benchmarks/gate.py [--trials 400] [--seeds 8] [--json FILE]

The first table has simulated image scores (binormal, image AUROC of the champion 0.90, the two
models' scores correlated by 0.8) of six classes. The others train one configuration with several
seeds on two classes of the synthetic set, show how far the models differ, and let each stand
against each other one: nobody there is better than anybody but by luck. `--trials 0` or `--seeds 0`
leaves the simulated table or the others out.
"""

import argparse
import itertools
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import ndtri

from rlr import __version__
from rlr.config import Config, load_config
from rlr.config.gate import PRESET_MARGINS, GateConfig
from rlr.evaluation.measure import mean_of
from rlr.evaluation.metrics import image_metrics
from rlr.foundation.documents import write_json
from rlr.foundation.progress import track
from rlr.gate.classes import class_findings
from rlr.gate.comparison import Comparison, compare, primary_names
from rlr.gate.contributions import Contributions, contributions
from rlr.gate.decide import WORST_FIRST
from rlr.gate.difference import Difference
from rlr.gate.evidence import Evidence
from rlr.gate.primary import primary_finding
from rlr.gate.result import Party

CLASSES = [f"class {number}" for number in range(6)]
SIZES = [10, 25, 50]
CHANGES = [-0.05, -0.02, -0.01, 0.0, 0.01, 0.02, 0.05]
CHAMPION_AUROC, CORRELATION = 0.90, 0.8
SIMULATED = {"primary": ["image_auroc"], "draws": 300}
TRAININGS = [1, 3]
OUTCOMES = ["promote", "inconclusive", "reject"]
TEST_IMAGES = [20, 60]  # of each kind, a class
TRAINING = [
    "data.classes=[circuit,twill]",
    "synthetic.train_good=66",
    f"synthetic.test_good={max(TEST_IMAGES)}",
    f"synthetic.test_defective={max(TEST_IMAGES)}",
    "training.epochs=12",
    "training.optimizer.learning_rate=3e-3",
]


def main() -> int:
    """Make the tables, print them as Markdown, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, default=400, help="test sets a cell")
    parser.add_argument("--seeds", type=int, default=8, help="trainings of one configuration")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    result: dict[str, object] = {"rlr": __version__, "trials": arguments.trials}
    if arguments.trials:
        result["simulated"] = list(simulated_rows(arguments.trials))
        print(table(pivot(result["simulated"])), end="\n\n")
    if arguments.seeds:
        models = train_all(arguments.seeds)
        result["trainings"] = list(training_rows(models))
        print(table(result["trainings"]), end="\n\n")
        result["seeds"] = [row for size in TEST_IMAGES for row in seed_rows(size, models[size])]
        print(table(result["seeds"]))
    if arguments.json:
        write_json(arguments.json, result)
    return 0


def simulated_rows(trials: int) -> Iterator[dict[str, object]]:
    """Yield the shares of the outcomes for each size and true change of the image AUROC."""
    cells = list(itertools.product(SIZES, CHANGES))
    for size, change in track(iter(cells), "Simulating", len(cells)):
        presets = {name: GateConfig(preset=name, **SIMULATED) for name in PRESET_MARGINS}
        outcomes: dict[str, Counter[str]] = {name: Counter() for name in presets}
        for trial in range(trials):
            comparison = compare(simulate(size, change, trial), presets["improve"])
            for name, settings in presets.items():
                outcomes[name][outcome_of(comparison, settings)] += 1
        for name, counted in outcomes.items():
            yield {
                "preset": name,
                "images a class": f"{size} + {size}",
                "true change": f"{change:+.2f}",
                **shares(counted),
            }


def outcome_of(comparison: Comparison, settings: GateConfig) -> str:
    """Return what the rules about the two models say; limits are left aside."""
    findings = [*class_findings(comparison, settings), primary_finding(comparison, settings)]
    return min((finding.outcome for finding in findings), key=WORST_FIRST.index)


def simulate(size: int, change: float, trial: int) -> Evidence:
    """Draw a test set and two models' scores; AUROC = Phi(d / sqrt(2)) for normal scores."""
    rng = np.random.default_rng([size, trial])
    rows = rows_of(size)
    bad = rows["defective"].to_numpy()
    alike = np.sqrt(CORRELATION) * rng.standard_normal(len(rows))
    both = [
        alike
        + np.sqrt(1 - CORRELATION) * rng.standard_normal(len(rows))
        + np.sqrt(2) * ndtri(auroc) * bad
        for auroc in (CHAMPION_AUROC + change, CHAMPION_AUROC)
    ]
    return oppose(*(of_scores(rows, scores) for scores in both), f"{size} {trial}")


@cache
def rows_of(size: int) -> pd.DataFrame:
    """Return the rows of a test set of so many normal and so many defective images a class."""
    rows = pd.DataFrame(
        {
            "path": f"{name}/{place:03d}.png",
            "class": name,
            "label": "good" if place < size else "spot",
            "group": f"{name}/{place}",
            "defective": place >= size,
            "is_anomalous": place >= size,
        }
        for name in CLASSES
        for place in range(2 * size)
    )
    return rows.astype(dict.fromkeys(["path", "class", "label", "group"], object))  # quick to read


def of_scores(rows: pd.DataFrame, scores: np.ndarray) -> Contributions:
    """Return what image scores alone say of a model."""
    frame = rows.assign(image_score=scores)
    bad = frame["defective"].to_numpy().astype(int)
    names = frame["class"].to_numpy()
    per_class = {name: image_metrics(bad[names == name], scores[names == name]) for name in CLASSES}
    mean = mean_of(per_class, list(per_class[CLASSES[0]]))
    return Contributions(frame, {}, per_class, mean, {"aupro_0.30": 0.3})


def oppose(
    ours: Contributions,
    theirs: Contributions,
    version: str,
    further: tuple[Contributions, ...] = (),
) -> Evidence:
    """Let a candidate stand against a champion."""
    return Evidence(
        candidate=Party(name="candidate", sha256=""),
        champion=Party(name="champion", sha256=""),
        ours=ours,
        theirs=theirs,
        champion_classes=frozenset(ours.frame["class"]),
        data_version=version,
        manifest_sha256="",
        threshold_rate=0.01,
        further_seeds=tuple(model.per_class for model in further),
    )


def train_all(count: int) -> dict[int, list[Contributions]]:
    """Train one configuration with seeds 0, 1, 2, ...; run each, by number of test images."""
    from rlr.data.index import index_images
    from rlr.data.synthetic import generate
    from rlr.detection.detector import Detector
    from rlr.training.train import train

    models: dict[int, list[Contributions]] = {size: [] for size in TEST_IMAGES}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        config = load_config("tiny", [*TRAINING, f"data.root={place / 'data'}"])
        generate(config.synthetic, place / "data")
        manifest = index_images(config.data)
        for seed in track(iter(range(count)), "Training", count):
            output = place / str(seed)
            train(load_config("tiny", [*TRAINING, f"seed={seed}"]), manifest, output)
            detector = Detector.load(output / "model")
            for size, said in models.items():
                said.append(run(detector, manifest, size, config, output / str(size)))
    return models


def run(detector, manifest, size: int, config: Config, folder: Path) -> Contributions:  # type: ignore[no-untyped-def]
    """Run a detector on the first test images of each kind, as the gate does."""
    from rlr.data.manifest import is_defective
    from rlr.evaluation.ground_truth import GroundTruth
    from rlr.evaluation.scored import collect

    rows = manifest.select("test")
    rows = rows.groupby(["class", is_defective(rows)]).head(size).reset_index(drop=True)
    stream = detector.predict_rows(manifest, rows)
    scored = collect(stream, len(rows), folder, "Scoring", ["threshold", "is_anomalous"])
    truth = GroundTruth(manifest, scored.frame)
    return contributions(scored, truth, config.evaluation, config.gate.bins)


def training_rows(models: dict[int, list[Contributions]]) -> Iterator[dict[str, object]]:
    """Yield the primary metrics of each training: how far they differ by luck."""
    for seed, model in enumerate(models[max(TEST_IMAGES)]):
        names = primary_names(model, GateConfig())
        yield {"seed": seed, **{name: f"{model.mean[name]:.4f}" for name in names}}


def seed_rows(size: int, models: list[Contributions]) -> Iterator[dict[str, object]]:
    """Yield the outcomes of all ordered pairs, by preset and `gate.seeds`; limits are off."""
    pairs = [compare_seeds(models, *pair) for pair in itertools.permutations(range(len(models)), 2)]
    for preset, seeds in itertools.product(PRESET_MARGINS, TRAININGS):
        settings = GateConfig(preset=preset)
        known = [luck_of(pair, seeds) for pair in pairs]
        outcomes = Counter(outcome_of(pair, settings) for pair in known)
        alone = Counter(primary_finding(pair, settings).outcome for pair in known)
        yield {
            "preset": preset,
            "gate.seeds": seeds,
            "images a class": f"{size} + {size}",
            "pairs": len(pairs),
            **shares(outcomes),
            "the primary rule alone would promote": shares(alone)["promote"],
        }


def compare_seeds(models: list[Contributions], ours: int, theirs: int) -> Comparison:
    """Compare two seeds; the other trainings of the candidate are those after it."""
    others = [(ours + step) % len(models) for step in range(1, len(models))]
    further = tuple(models[other] for other in others if other != theirs)
    pair = oppose(models[ours], models[theirs], "seeds", further)
    return compare(pair, GateConfig(draws=SIMULATED["draws"]))


def luck_of(comparison: Comparison, seeds: int) -> Comparison:
    """Return a comparison that knows of the first trainings alone."""

    def known(difference: Difference) -> Difference:
        return replace(difference, seeds=difference.seeds[:seeds])

    return replace(
        comparison,
        classes={
            name: {metric: known(one) for metric, one in found.items()}
            for name, found in comparison.classes.items()
        },
        primary=known(comparison.primary),
    )


def pivot(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return a row a preset and size, a column a true change: promote / inconclusive / reject."""
    wide: dict[tuple[str, str], dict[str, object]] = {}
    for row in sorted(rows, key=lambda row: str(row["preset"])):
        key = str(row["preset"]), str(row["images a class"])
        cells = wide.setdefault(key, {"preset": key[0], "images a class": key[1]})
        told = (str(row[name]).removesuffix(".0 %") for name in OUTCOMES)
        cells[str(row["true change"])] = " / ".join(told)
    return list(wide.values())


def shares(outcomes: Counter[str]) -> dict[str, object]:
    """Return the share of each outcome."""
    return {name: f"{100 * outcomes[name] / outcomes.total():.1f} %" for name in OUTCOMES}


def table(rows: list[dict[str, object]]) -> str:
    """Return rows as a Markdown table."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names), *([str(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    sys.exit(main())
