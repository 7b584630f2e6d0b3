"""Keep a small artifact of today's format for ever: the model, a batch of images, its scores.

Run once when FORMAT_VERSION is raised; what it wrote is committed and never written again.

    python tools/freeze_artifact.py MODEL IMAGES... --output tests/artifacts/format-N
"""

import argparse
import shutil
import sys
from pathlib import Path

import numpy as np

from rlr.detection.detector import Detector
from rlr.detection.spec import FORMAT_VERSION
from rlr.foundation.atomic import atomic_folder


def main() -> int:
    """Freeze the artifact that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("images", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    if arguments.output.exists() or arguments.output.name != f"format-{FORMAT_VERSION}":
        print(
            f"{arguments.output}: must be new, and named format-{FORMAT_VERSION}", file=sys.stderr
        )
        return 2
    freeze(arguments.model, arguments.images, arguments.output)
    return 0


def freeze(model: Path, paths: list[Path], output: Path) -> None:
    """Write the model, the images, and what the model says of them today."""
    detector = Detector.load(model, device="cpu")
    images = [detector.read(path) for path in paths]
    predictions = detector.predict(images)
    with atomic_folder(output) as folder:
        shutil.copytree(model, folder / "model")
        np.savez_compressed(
            folder / "stored.npz",
            images=np.stack(images),
            scores=np.array([prediction.image_score for prediction in predictions]),
            maps=np.stack([prediction.anomaly_map for prediction in predictions]),
            threshold=np.array(detector.image_threshold(None).value),
        )


if __name__ == "__main__":
    sys.exit(main())
