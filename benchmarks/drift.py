"""How often monitoring raises a false alarm, and what it notices: simulated windows of real scores.

    python benchmarks/drift.py [--weights FILE] [--windows 400] [--work DIR] [--json FILE]

A detector is trained on the synthetic set without one of its classes. Fresh normal images,
defective ones, and normal ones in another light, out of focus, before another background, and of
the class left out go through it once; windows are then drawn from these again and again, without
replacement within a window, and each is compared by the very code of `rlr monitor`. The
classifier two-sample test is measured beside the discrepancy that `rlr monitor` uses.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter
from scipy.stats import binom
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from rlr.config import load_config
from rlr.config.data import DataConfig, SyntheticConfig
from rlr.config.monitor import MonitorConfig
from rlr.data.index import index_images
from rlr.data.synthetic import generate
from rlr.data.synthetic.parts import PARTS
from rlr.detection.detector import Detector
from rlr.foundation.documents import write_json
from rlr.monitoring.compare import compare
from rlr.monitoring.observe import Image as NewImage
from rlr.monitoring.observe import Observations, observe
from rlr.monitoring.reference import Reference, read_reference
from rlr.monitoring.samples import Baseline
from rlr.monitoring.two_sample import stratified_mmd
from rlr.training.train import train

SIZE = 128
LEFT_OUT = "twill"
CONFIDENCE = 0.99
Pools = dict[str, Observations]


@dataclass(frozen=True)
class Scenario:
    """Windows of one kind.

    Attributes:
        name: What is different about them.
        draw: Draws a window.
        wanted: The verdict that is right.
    """

    name: str
    draw: Callable[[np.random.Generator], Observations]
    wanted: str


def main() -> int:
    """Train, observe, simulate, print a table, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--weights", default="random", help="of resnet18; random: none")
    parser.add_argument("--windows", type=int, default=400)
    parser.add_argument("--images", type=int, default=100, help="images a window")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--work", type=Path, default=Path(".rlr/benchmark-drift"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    folder = prepare(arguments.work, arguments.weights, arguments.epochs)
    detector = Detector.load(folder, device="cpu")
    reference = read_reference(folder)
    assert reference is not None
    pools = observe_all(detector, reference, arguments.work / "set", arguments.work)
    baseline = Baseline(reference, detector.spec.thresholds)
    settings = MonitorConfig(window=arguments.images)
    rows = [
        measure(scenario, baseline, settings, arguments.windows)
        for scenario in scenarios(pools, settings.window)
    ]
    tests = list(compare_tests(pools, reference, settings.window, max(20, arguments.windows // 4)))
    print_table(rows, tests)
    if arguments.json:
        write_json(arguments.json, {"weights": arguments.weights, "rows": rows, "tests": tests})
    return 0


def prepare(work: Path, weights: str, epochs: int) -> Path:
    """Draw the set and train without one class, unless it is done already."""
    images = work / "set"
    if not images.is_dir():
        config = SyntheticConfig(size=SIZE, train_good=120, test_good=150, test_defective=90)
        generate(config, images)
    output = work / f"trained-{Path(weights).stem}-{epochs}"
    if not (output / "result.json").is_file():
        classes = [name for name in PARTS if name != LEFT_OUT]
        manifest = index_images(DataConfig(classes=classes, validation_fraction=0.3), images)
        options = "{}" if weights != "random" else "{zero_init_last: false}"
        overrides = [
            f"features.backbone.weights={weights}",
            f"features.backbone.options={options}",
            f"training.epochs={epochs}",
        ]
        train(load_config("demo", overrides), manifest, output)
    return output / "model"


def observe_all(detector: Detector, reference: Reference, images: Path, work: Path) -> Pools:
    """Run the detector over all pools."""

    def of(split: str, classes: list[str], change: str = "") -> Observations:
        files = []
        for name in classes:
            folders = [images / name / "test" / "good"]
            if split == "defective":
                folders = [f for f in (images / name / "test").iterdir() if f.name != "good"]
            files += [file for folder in folders for file in sorted(folder.iterdir())]
        named = [
            NewImage(str(file), changed(file, change, work), None if split == "new" else part(file))
            for file in files
        ]
        return observe(detector, reference, named)[0]

    def part(file: Path) -> str:
        return file.relative_to(images).parts[0]

    classes = reference.classes
    pools = {name: of("good", classes, name) for name in CHANGES}
    return {
        "normal": of("good", classes),
        "defective": of("defective", classes),
        "new class": of("new", [LEFT_OUT]),
        **pools,
    }


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
    "light +30 %": lambda image: brighter(image, 1.30),
    "blur 0.5 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(0.5)),
    "blur 1 pixel": lambda image: image.filter(ImageFilter.GaussianBlur(1.0)),
    "background": framed,
}


def changed(file: Path, change: str, work: Path) -> Path:
    """Return a changed copy of an image file."""
    if not change:
        return file
    target = work / "changed" / change.replace(" ", "-") / "-".join(file.parts[-4:])
    if not target.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(file) as image:
            CHANGES[change](image.convert("RGB")).save(target)
    return target


def scenarios(pools: Pools, size: int) -> Iterator[Scenario]:
    """Yield what is simulated."""
    normal = pools["normal"]

    def mixed(other: Observations, share: float) -> Callable[[np.random.Generator], Observations]:
        count = round(share * size)

        def draw(generator: np.random.Generator) -> Observations:
            return join(
                normal.at(generator.choice(len(normal), size - count, replace=False)),
                other.at(generator.choice(len(other), count, replace=False)),
            )

        return draw

    def skewed(generator: np.random.Generator) -> Observations:
        weights = np.where(normal.class_of == 0, 12.0, 1.0)
        chosen = generator.choice(len(normal), size, replace=False, p=weights / weights.sum())
        return normal.at(chosen)

    yield Scenario("nothing", mixed(normal, 0.0), "quiet")
    yield Scenario("another mix of classes", skewed, "quiet")
    for share in (0.05, 0.1, 0.2, 0.3, 0.4):
        yield Scenario(f"defects {share:.0%}", mixed(pools["defective"], share), "more_defects")
    for name in CHANGES:
        yield Scenario(name, mixed(pools[name], 1.0), "normal_shifted")
    for share in (0.1, 0.2, 0.3):
        yield Scenario(
            f"new class, unnamed, {share:.0%}", mixed(pools["new class"], share), "normal_shifted"
        )


def join(one: Observations, other: Observations) -> Observations:
    """Return the images of both."""
    arrays = {
        name: np.concatenate([getattr(one, name), getattr(other, name)])
        for name in (
            "class_of",
            "scores",
            "brightness",
            "sharpness",
            "coordinates",
            "distances",
            "defective",
        )
    }
    return replace(one, images=[*one.images, *other.images], **arrays)


def measure(
    scenario: Scenario, baseline: Baseline, settings: MonitorConfig, windows: int
) -> dict[str, object]:
    """Return how often windows of a scenario get each verdict."""
    kinds: list[str] = []
    found: list[str] = []
    start = time.process_time()
    for number in range(1, windows + 1):
        window = scenario.draw(np.random.default_rng(number))
        result = compare(window, baseline, settings, number)
        kinds.append(result.kind)
        found += sorted({test.measure for test in result.tests if test.significant})
    return {
        "scenario": scenario.name,
        "wanted": scenario.wanted,
        "windows": windows,
        "shares": {kind: kinds.count(kind) / windows for kind in sorted(set(kinds))},
        "measures": {name: found.count(name) / windows for name in sorted(set(found))},
        "seconds": (time.process_time() - start) / windows,
    }


def compare_tests(
    pools: Pools, reference: Reference, size: int, windows: int
) -> Iterator[dict[str, object]]:
    """Yield how often each features test is significant at 5 %, on the same windows."""
    held = reference.held_out
    old, old_classes = reference.coordinates[held], reference.class_of[held]
    for scenario in scenarios(pools, size):
        if scenario.name not in COMPARED:
            continue
        rejected = {"discrepancy": 0, "classifier": 0}
        for number in range(windows):
            window = scenario.draw(np.random.default_rng(number))
            new, classes = window.coordinates, window.class_of
            mmd = stratified_mmd(new, classes, old, old_classes, 399, number)
            rejected["discrepancy"] += mmd.p_value <= 0.05
            chosen = like(classes, old_classes, number)
            rejected["classifier"] += classifier_test(new, old[chosen]) <= 0.05
        yield {"scenario": scenario.name, **{k: v / windows for k, v in rejected.items()}}


COMPARED = ("nothing", "another mix of classes", "light +3 %", "blur 0.5 pixels", "background")


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


def print_table(rows: list[dict[str, object]], tests: list[dict[str, object]]) -> None:
    """Print what was measured."""
    for row in rows:
        shares = ", ".join(f"{kind} {share:.1%}" for kind, share in row["shares"].items())  # type: ignore[attr-defined]
        measures = ", ".join(f"{n} {s:.0%}" for n, s in row["measures"].items())  # type: ignore[attr-defined]
        print(f"{row['scenario']:<26} wanted {row['wanted']:<15} {shares}  [{measures}]")
    alarms = rows[0]["shares"]["normal_shifted"] if "normal_shifted" in rows[0]["shares"] else 0.0  # type: ignore[index,operator]
    windows = int(rows[0]["windows"])  # type: ignore[call-overload]
    most = binom.ppf(CONFIDENCE, windows, MonitorConfig().false_alarm_rate) / windows
    print(f"false alarms {alarms:.2%}; at the stated rate at most {most:.2%} in {CONFIDENCE:.0%}")
    for test in tests:
        print(
            f"{test['scenario']:<26} discrepancy {test['discrepancy']:.0%}, "
            f"classifier {test['classifier']:.0%}"
        )


if __name__ == "__main__":
    sys.exit(main())
