"""How often monitoring raises a false alarm, and what it notices: simulated windows of real scores.

    python benchmarks/drift.py                                        # preset tiny, random backbone
    python benchmarks/drift.py --preset demo --weights FILE           # resnet18 with weights

A detector is trained on the synthetic set with all classes but one of four. Fresh normal images,
defective ones, and normal ones in another light, out of focus, before another background, and of
the class left out go through it once; windows are then drawn from these again and again, without
replacement within a window, and each is compared by the very code of `rlr monitor`.

Rows without drift draw reference, thresholds and windows anew for each run from normal images that
the model has not seen: the rate of false alarms is one over references, and a single reference may
sit to one side. All other rows, and the row that says so, have the trained model's own reference.
The classifier two-sample test is measured beside the discrepancy that `rlr monitor` uses.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from scipy.stats import binom, binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from rlr.config import load_config
from rlr.config.data import DataConfig, SyntheticConfig
from rlr.config.monitor import MonitorConfig
from rlr.data.index import index_images
from rlr.data.synthetic import generate
from rlr.detection.detector import Detector
from rlr.detection.thresholds import decide_thresholds
from rlr.foundation.documents import write_json
from rlr.foundation.progress import track
from rlr.monitoring.compare import compare
from rlr.monitoring.observe import UNKNOWN, Observations, observe
from rlr.monitoring.observe import Image as NewImage
from rlr.monitoring.run import require_reference
from rlr.monitoring.samples import Baseline
from rlr.monitoring.two_sample import stratified_mmd
from rlr.monitoring.words import conclude
from rlr.training.train import train

SIZE = 128
KNOWN = ["capsule", "flange", "leather"]
LEFT_OUT = "twill"
NORMAL, DEFECTIVE = 200, 60  # fresh images a class
CHANGED = 60  # of the normal ones that are changed in each way
DRAWS = 99  # the least that may be set: monitoring itself raises it to what its correction needs
LEVEL, TEST_DRAWS = 0.05, 399  # of the comparison of the two features tests
Draw = Callable[[np.random.Generator], tuple[Baseline, list[Observations]]]
Row = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """Runs of windows of one kind.

    Attributes:
        name: What is different about them.
        draw: Draws a reference, and as many windows as vote.
        wanted: The verdict that is right.
        free: Whether nothing has drifted, so that every alarm is a false one.
    """

    name: str
    draw: Draw
    wanted: str
    free: bool = False


def main() -> int:
    """Train, observe, simulate, print tables, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--preset", default="tiny", help="preset or configuration of the training")
    parser.add_argument("--weights", metavar="FILE", help="of its backbone; without it: none")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--quiet-runs", type=int, default=200, help="runs a row without drift")
    parser.add_argument("--runs", type=int, default=40, help="runs a row with drift")
    parser.add_argument("--images", type=int, default=100, help="images a window")
    parser.add_argument("--work", type=Path, default=Path(".rlr/benchmark-drift"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    start = time.process_time()
    folder = prepare(arguments.work, arguments.preset, arguments.weights, arguments.epochs)
    pools = Pools(folder, arguments.work)
    settings = MonitorConfig(window=arguments.images, permutations=DRAWS)
    kinds = list(scenarios(pools, settings))
    rows = [
        measure(kind, settings, arguments.quiet_runs if kind.free else arguments.runs)
        for kind in track(kinds, "simulating windows")
    ]
    tests = [compare_tests(kind, arguments.quiet_runs) for kind in kinds if kind.name in COMPARED]
    print_tables(rows, tests, settings)
    above = pools.defective.scores > pools.own.limit(pools.defective.class_of)
    print(f"\n{above.mean():.0%} of the defective images are above the threshold of this model")
    print(f"{time.process_time() - start:.0f} s of processor time")
    if arguments.json:
        write_json(arguments.json, {"rows": rows, "tests": tests})
    return 0


def prepare(work: Path, preset: str, weights: str | None, epochs: int) -> Path:
    """Draw the set and train without one class, unless it is done already."""
    images = work / "set"
    if not images.is_dir():
        config = SyntheticConfig(
            size=SIZE, train_good=120, test_good=NORMAL, test_defective=DEFECTIVE
        )
        generate(config, images)
    output = work / f"{Path(preset).stem}-{Path(weights or 'random').stem}-{epochs}"
    if not (output / "result.json").is_file():
        manifest = index_images(DataConfig(classes=KNOWN, validation_fraction=0.3), images)
        overrides = [f"training.epochs={epochs}"]
        if weights is not None:
            overrides += [f"features.backbone.weights={weights}", "features.backbone.options={}"]
        train(load_config(preset, overrides), manifest, output)
    return output / "model"


class Pools:
    """All images, observed once, and windows drawn from them."""

    def __init__(self, folder: Path, work: Path) -> None:
        self.detector = Detector.load(folder, device="cpu")
        self.reference = require_reference(folder, str(folder))
        self._work = work
        self.own = Baseline(self.reference, self.detector.spec.thresholds)
        self.normal = self._observe(KNOWN, "good")
        self.defective = self._observe(KNOWN, "defective")
        self.new = self._observe([LEFT_OUT], "good", named=False)
        self.changed = {name: self._observe(KNOWN, "good", name) for name in CHANGES}

    @property
    def named(self) -> Observations:
        """The images of the new class, called by its name."""
        images = [replace(image, class_name=LEFT_OUT) for image in self.new.images]
        return replace(self.new, images=images, class_of=np.full(len(images), UNKNOWN))

    def _observe(
        self, classes: list[str], kind: str, change: str = "", named: bool = True
    ) -> Observations:
        chosen = []
        for name in classes:
            every = sorted((self._work / "set" / name / "test").glob("*/*.png"))
            own = [file for file in every if (file.parent.name == "good") == (kind == "good")]
            for file in own[:CHANGED] if change else own:
                shown = changed(file, change, self._work) if change else file
                chosen.append(NewImage(str(file), shown, name if named else None))
        return observe(self.detector, self.reference, chosen)[0]

    def redraw(self, size: int, windows: int, share: float | None) -> Draw:
        """Return what draws windows, and a reference of all other normal images.

        Args:
            size: Images a window.
            windows: Windows a run.
            share: Share of the first class in the windows; None: as it comes.
        """
        pool = self.normal

        def draw(generator: np.random.Generator) -> tuple[Baseline, list[Observations]]:
            order = generator.permutation(len(pool))
            parts = []
            for _ in range(windows):
                part = order[:size]
                if share is not None:
                    first = pool.class_of[order] == 0
                    count = round(share * size)
                    part = np.concatenate([order[first][:count], order[~first][: size - count]])
                parts.append(pool.at(part))
                order = order[~np.isin(order, part)]
            return self._baseline(pool.at(order)), parts

        return draw

    def _baseline(self, rest: Observations) -> Baseline:
        names = self.reference.classes
        scores = {name: rest.scores[rest.class_of == place] for place, name in enumerate(names)}
        reference = replace(
            self.reference,
            class_of=rest.class_of,
            brightness=rest.brightness,
            sharpness=rest.sharpness,
            coordinates=rest.coordinates,
            distances=rest.distances,
            held_out=np.ones(len(rest), dtype=bool),
        )
        rate = self.detector.spec.thresholds.rate
        return Baseline(reference, decide_thresholds(names, scores, rate))

    def mixed(self, other: Observations, share: float, size: int, windows: int) -> Draw:
        """Return what draws windows of normal images and a share of others, for one reference."""
        count = round(share * size)

        def one(generator: np.random.Generator) -> Observations:
            normal = self.normal.at(generator.choice(len(self.normal), size - count, replace=False))
            return join(normal, other.at(generator.choice(len(other), count, replace=False)))

        def draw(generator: np.random.Generator) -> tuple[Baseline, list[Observations]]:
            return self.own, [one(generator) for _ in range(windows)]

        return draw


def brighter(image: Image.Image, factor: float) -> Image.Image:
    """Turn up the lamp."""
    return image.point(lambda value: min(255, round(value * factor)))


def framed(image: Image.Image) -> Image.Image:
    """Lay the part on another tray: the outer eighth of the picture has another colour."""
    pixels = np.asarray(image).astype(np.float32)
    border = SIZE // 8
    outside = np.ones(pixels.shape[:2], dtype=bool)
    outside[border:-border, border:-border] = False
    pixels[outside] = 0.5 * pixels[outside] + 0.5 * np.array([40.0, 90.0, 60.0])
    return Image.fromarray(pixels.astype(np.uint8))


CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "light +3 %": lambda image: brighter(image, 1.03),
    "light +10 %": lambda image: brighter(image, 1.10),
    "light -20 %": lambda image: brighter(image, 0.80),
    "blur 0.5 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(0.5)),
    "blur 1 pixel": lambda image: image.filter(ImageFilter.GaussianBlur(1.0)),
    "background": framed,
}


def changed(file: Path, change: str, work: Path) -> Path:
    """Return a changed copy of an image file."""
    target = work / "changed" / change.replace(" ", "-") / "-".join(file.parts[-4:])
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as image:
            CHANGES[change](image.convert("RGB")).save(target)
    return target


def scenarios(pools: Pools, settings: MonitorConfig) -> Iterator[Scenario]:
    """Yield what is simulated."""
    size, windows = settings.window, settings.windows

    def mixed(other: Observations, share: float) -> Draw:
        return pools.mixed(other, share, size, windows)

    yield Scenario("nothing", pools.redraw(size, windows, None), "quiet", True)
    yield Scenario("another mix of classes", pools.redraw(size // 2, windows, 0.7), "quiet", True)
    yield Scenario("nothing, the model's own reference", mixed(pools.normal, 0.0), "quiet")
    for name in CHANGES:
        yield Scenario(name, mixed(pools.changed[name], 1.0), "normal_shifted")
    for share in (0.05, 0.1, 0.3):
        yield Scenario(
            f"new class, named, {share:.0%}", mixed(pools.named, share), "normal_shifted"
        )
    for share in (0.05, 0.1, 0.3):
        yield Scenario(
            f"new class, unnamed, {share:.0%}", mixed(pools.new, share), "normal_shifted"
        )
    for share in (0.05, 0.1, 0.2, 0.4):
        yield Scenario(f"defects {share:.0%}", mixed(pools.defective, share), "more_defects")


def join(one: Observations, other: Observations) -> Observations:
    """Return the images of both."""
    arrays = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in vars(one)
        if name != "images"
    }
    return replace(one, images=[*one.images, *other.images], **arrays)


def measure(scenario: Scenario, settings: MonitorConfig, runs: int) -> Row:
    """Return how often windows of a scenario, and runs of windows, get each verdict."""
    kinds: list[str] = []
    votes: list[str] = []
    found: list[str] = []
    for seed in range(runs):
        baseline, parts = scenario.draw(np.random.default_rng(seed))
        results = [compare(part, baseline, settings, seed + 1) for part in parts]
        votes.append(conclude(results, settings)[0])
        # Of windows that share a redrawn reference one counts: the others are not independent.
        for result in results[:1] if scenario.free else results:
            kinds.append(result.kind)
            found += sorted({test.measure for test in result.tests if test.significant})
            found += ["unlike all classes"] * (result.strange >= settings.least_images)
    count = len(kinds)
    return {
        "scenario": scenario.name,
        "wanted": scenario.wanted,
        "free": scenario.free,
        "windows": count,
        "runs": runs,
        "shares": {kind: kinds.count(kind) / count for kind in sorted(set(kinds))},
        "votes": {kind: votes.count(kind) / runs for kind in sorted(set(votes))},
        "found": {name: found.count(name) / count for name in sorted(set(found))},
    }


def compare_tests(scenario: Scenario, runs: int) -> Row:
    """Return how often each features test is significant, on the same windows and references."""
    rejected = {"discrepancy": 0, "classifier": 0}
    for seed in range(runs):
        baseline, (window, *_) = scenario.draw(np.random.default_rng(seed))
        held = baseline.reference.held_out
        old, old_classes = baseline.reference.coordinates[held], baseline.reference.class_of[held]
        new, classes = window.coordinates, window.class_of
        mmd = stratified_mmd(new, classes, old, old_classes, TEST_DRAWS, seed)
        rejected["discrepancy"] += mmd.p_value <= LEVEL
        chosen = like(classes, old_classes, seed)
        rejected["classifier"] += classifier_test(new, old[chosen]) <= LEVEL
    rates = {name: count / runs for name, count in rejected.items()}
    return {"scenario": scenario.name, "runs": runs, **rates}


COMPARED = (
    "nothing",
    "another mix of classes",
    "light +3 %",
    "light +10 %",
    "blur 0.5 pixels",
    "new class, unnamed, 5%",
    "new class, unnamed, 10%",
)


def like(classes: np.ndarray, old_classes: np.ndarray, seed: int) -> np.ndarray:
    """Choose old images with the new ones' mix of classes, as many as there are."""
    generator = np.random.default_rng(seed)
    chosen = []
    for name, count in zip(*np.unique(classes, return_counts=True), strict=True):
        places = np.flatnonzero(old_classes == name)
        chosen.append(generator.choice(places, min(count, len(places)), replace=False))
    return np.concatenate(chosen)


def classifier_test(new: np.ndarray, old: np.ndarray) -> float:
    """Return the p value of a classifier two-sample test, by the binomial law of its hits.

    Source: Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017.
    """
    points = np.concatenate([new, old])
    labels = np.repeat([1, 0], [len(new), len(old)])
    model = LogisticRegression(class_weight="balanced", max_iter=500)
    scores = cross_val_score(model, points, labels, cv=5, scoring="accuracy")
    hits = round(float(scores.mean()) * len(points))
    chance = max(len(new), len(old)) / len(points)
    return float(binom.sf(hits - 1, len(points), chance))


def print_tables(rows: list[Row], tests: list[Row], settings: MonitorConfig) -> None:
    """Print what was measured, as the tables of a page."""
    vote = f"{settings.agree} of {settings.windows}"
    print(f"| windows of {settings.window} | normal shifted | more defects | {vote} | found by |")
    print("|---|---|---|---|---|")
    for row in rows:
        shares, votes = row["shares"], row["votes"]
        agreed = ", ".join(
            f"{name.replace('_', ' ')} {votes[name]:.1%}" for name in votes if name != "quiet"
        )
        found = ", ".join(f"{name} {share:.0%}" for name, share in row["found"].items())
        print(
            f"| {row['scenario']} | {shares.get('normal_shifted', 0):.1%} | "
            f"{shares.get('more_defects', 0):.1%} | {agreed or 'quiet'} | {found or '-'} |"
        )
    print()
    for row in (row for row in rows if row["free"]):
        alarms = round((1 - row["shares"].get("quiet", 0.0)) * row["windows"])
        low, high = binomtest(alarms, row["windows"]).proportion_ci(0.95)
        print(
            f"{row['scenario']}: {alarms} false alarms in {row['windows']} windows; rate in "
            f"[{low:.2%}, {high:.2%}] at 95 %, stated {settings.false_alarm_rate:.0%}"
        )
    print(f"\n| at {LEVEL:.0%} | discrepancy | classifier |\n|---|---|---|")
    for test in tests:
        print(f"| {test['scenario']} | {test['discrepancy']:.1%} | {test['classifier']:.1%} |")


if __name__ == "__main__":
    sys.exit(main())
