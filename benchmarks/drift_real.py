"""What monitoring says of real photographs that have not drifted, and of the same ones changed.

    python benchmarks/drift_real.py FOLDER [--weights FILE] [--json FILE]

FOLDER holds sets in MVTec AD's layout. One detector is trained on the normal training images of
all of them. Then the normal test images, as they are and in another light or out of focus, and the
defective ones are compared with its reference in windows that are drawn at random. Nothing is
chosen by what comes out.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from rlr.config import load_config
from rlr.config.data import DataConfig
from rlr.config.monitor import MonitorConfig
from rlr.data.images import SUFFIXES
from rlr.data.index import index_images
from rlr.detection.detector import Detector
from rlr.foundation.documents import write_json
from rlr.foundation.progress import track
from rlr.monitoring.compare import compare
from rlr.monitoring.observe import Image as NewImage
from rlr.monitoring.observe import Observations, observe
from rlr.monitoring.result import WindowResult
from rlr.monitoring.run import require_reference
from rlr.monitoring.samples import Baseline
from rlr.training.train import train

Change = Callable[[Image.Image], Image.Image]
CHANGES: dict[str, Change | None] = {
    "as they are": None,
    "light x 0.8": lambda image: image.point(lambda value: round(value * 0.8)),
    "blur 1 pixel": lambda image: image.filter(ImageFilter.GaussianBlur(1.0)),
    "blur 2 pixels": lambda image: image.filter(ImageFilter.GaussianBlur(2.0)),
}
DEFECTIVE = "defective, unlabelled"


def main() -> int:
    """Train, compare, print tables, and write JSON where it is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="sets in MVTec AD's layout")
    parser.add_argument("--weights", default="random", help="of resnet18; random: none")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--draws", type=int, default=10, help="times that windows are drawn anew")
    parser.add_argument("--work", type=Path, default=Path(".rlr/benchmark-drift-real"))
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    folder = prepare(arguments.folder, arguments.work, arguments.weights, arguments.epochs)
    detector = Detector.load(folder, device="cpu")
    reference = require_reference(folder, str(folder))
    baseline = Baseline(reference, detector.spec.thresholds)

    def of(kind: str, change: Change | None, name: str) -> Observations:
        target = arguments.work / "changed" / name.replace(" ", "-")
        chosen = list_images(arguments.folder, reference.classes, kind, change, target)
        return observe(detector, reference, chosen)[0]

    pools = {name: of("good", change, name) for name, change in CHANGES.items()}
    pools[DEFECTIVE] = of("defective", None, DEFECTIVE)
    rows = [measure(name, pool, baseline, arguments.draws) for name, pool in pools.items()]
    normal = pools["as they are"]
    print_tables(rows, per_class(baseline, normal, pools[DEFECTIVE]))
    if arguments.json:
        write_json(arguments.json, {"weights": arguments.weights, "rows": rows})
    return 0


def prepare(images: Path, work: Path, weights: str, epochs: int) -> Path:
    """Train on all sets together, unless it is done already."""
    output = work / f"trained-{Path(weights).stem}-{epochs}"
    if not (output / "result.json").is_file():
        options = "{zero_init_last: false}" if weights == "random" else "{}"
        manifest = index_images(DataConfig(validation_fraction=0.3), images)
        overrides = [
            f"features.backbone.weights={weights}",
            f"features.backbone.options={options}",
            f"training.epochs={epochs}",
        ]
        train(load_config("demo", overrides), manifest, output)
    return output / "model"


def list_images(
    root: Path, classes: list[str], kind: str, change: Change | None, target: Path
) -> list[NewImage]:
    """List test images, changed where that is asked for."""
    listed = []
    for name in classes:
        for file in sorted((root / name / "test").glob("*/*")):
            if (file.parent.name == "good") != (kind == "good") or file.suffix not in SUFFIXES:
                continue
            path = file
            if change is not None:
                path = target / name / f"{file.stem}.png"
                if not path.is_file():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with Image.open(file) as image:
                        change(image.convert("RGB")).save(path)
            listed.append(NewImage(str(file), path, name))
    return listed


def measure(name: str, pool: Observations, baseline: Baseline, draws: int) -> dict[str, Any]:
    """Return how often windows get each verdict, and which rules spoke."""
    settings = MonitorConfig()
    found: list[WindowResult] = []
    for seed in track(range(draws), f"windows of images {name}"):
        order = np.random.default_rng(seed).permutation(len(pool))
        starts = range(0, len(pool) - settings.window + 1, settings.window)
        parts = [order[start : start + settings.window] for start in starts]
        found += [compare(pool.at(part), baseline, settings, seed + 1) for part in parts]
    count = len(found)
    return {
        "images": name,
        "windows": count,
        "shifted": sum(result.kind == "normal_shifted" for result in found) / count,
        "more_defects": sum(result.kind == "more_defects" for result in found) / count,
        "far": sum(result.strange >= settings.least_images for result in found) / count,
        "flood": sum(
            "above the threshold" in "; ".join(r.reasons[-1:])
            for r in found
            if r.kind == "normal_shifted"
        )
        / count,
        "greatest_defect_share": max(result.defect_share for result in found),
        "tests": _named(found),
    }


def _named(found: list[WindowResult]) -> dict[str, float]:
    names = [f"{t.measure} ({t.scope})" for r in found for t in r.tests if t.significant]
    return {name: names.count(name) / len(found) for name in sorted(set(names))}


def per_class(
    baseline: Baseline, normal: Observations, defective: Observations
) -> list[dict[str, Any]]:
    """Return for each class how far its images lie, and how many are above the threshold."""
    rows = []
    for place, name in enumerate(baseline.reference.classes):
        row: dict[str, Any] = {"class": name}
        for kind, pool in (("normal", normal), ("defective", defective)):
            own = pool.at(np.flatnonzero(pool.class_of == place))
            away = baseline.strangeness(own)
            row[kind] = (len(own), float((own.scores > baseline.limit(own.class_of)).mean()))
            row[f"{kind} far"] = float(away.max())
        rows.append(row)
    return rows


def print_tables(rows: list[dict[str, Any]], classes: list[dict[str, Any]]) -> None:
    """Print what was measured, as the tables of a page."""
    print("| images | windows | normal shifted | more defects | far | flood | greatest share |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['images']} | {row['windows']} | {row['shifted']:.0%} | "
            f"{row['more_defects']:.0%} | {row['far']:.0%} | {row['flood']:.0%} | "
            f"{row['greatest_defect_share']:.0%} |"
        )
    for row in rows:
        print(f"{row['images']}: " + ", ".join(f"{k} {v:.0%}" for k, v in row["tests"].items()))
    print("\n| class | normal above | farthest normal | defective above | farthest defective |")
    print("|---|---|---|---|---|")
    for row in classes:
        print(
            f"| {row['class']} | {row['normal'][1]:.0%} of {row['normal'][0]} | "
            f"{row['normal far']:.1f} | {row['defective'][1]:.0%} of {row['defective'][0]} | "
            f"{row['defective far']:.1f} |"
        )


if __name__ == "__main__":
    sys.exit(main())
