"""What every method is given, and what is held against what: the same for all of them.

A method is given at most so many normal training images a class, those with the smallest sha256,
and is measured on all judged test images. Its raw map is brought to 256 x 256 pixels (bilinear)
and smoothed there with sigma 4, so that sigma is the same share of the image whatever the input
size; masks are brought to 256 x 256 by nearest neighbour. The image score is the method's own.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rlr.config.data import DataConfig
from rlr.config.evaluation import EvaluationConfig
from rlr.data.index import index_images
from rlr.data.manifest import GOOD, Manifest, is_defective
from rlr.detection.scoring import smooth
from rlr.evaluation.evaluate import judged_test_rows
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.measure import measure
from rlr.evaluation.protocols import Protocol, shrink_mask, stretch
from rlr.evaluation.scored import Scored, ScoredSet, collect
from rlr.foundation.documents import digest
from rlr.foundation.errors import UserError

SIDE = 256
SIGMA = 4.0
AUPRO_LIMIT = 0.3
MARKER = "development.json"  # what `benchmarks/development.py` leaves at a tree's root
GIVEN = ("train", "validation")


@dataclass(frozen=True)
class Tree:
    """The images of a measurement.

    Attributes:
        manifest: All test images, and of the normal training images those that methods are given.
        development: Whether the test images may be opened freely: they were made for that.
        limit: Greatest number of training images a class.
    """

    manifest: Manifest
    development: bool
    limit: int

    def describe(self) -> dict[str, Any]:
        """Return what the images are, without where they lie."""
        frame = self.manifest.frame
        test = frame["split"] == "test"
        return {
            "development": self.development,
            "sha256": digest(sorted(_images_of(frame))),
            "given_sha256": digest(sorted(_images_of(frame[~test]))),
            "test_sha256": digest(sorted(_images_of(frame[test]))),
            "data_version": self.manifest.version,
            "classes": {name: _count(frame[frame["class"] == name]) for name in _classes(frame)},
        }


def open_tree(root: Path, data: DataConfig, limit: int, development: bool) -> Tree:
    """List a tree of class folders in MVTec AD's layout, and choose the training images.

    Args:
        root: Folder of the class folders.
        data: How training images are split into those for the weights and those for thresholds.
        limit: Greatest number of normal training images a class, of both kinds together.
        development: Whether the tree is said to be a development tree.

    Raises:
        UserError: The tree is no development tree though it is said to be one, or the reverse; or
            it is in another layout, or has no test image.
    """
    marked = (root / MARKER).is_file()
    if development and not marked:
        raise UserError(
            f"{root} is no development tree: {MARKER} is missing; make one with "
            "benchmarks/development.py, or leave --development out."
        )
    if marked and not development:
        raise UserError(f"{root} is a development tree ({MARKER}); add --development.")
    manifest = index_images(data.model_copy(update={"layout": "mvtec"}), root)
    frame = choose_training(manifest.frame, limit)
    chosen = Manifest(frame, manifest.root, manifest.version)
    judged_test_rows(chosen)
    return Tree(chosen, marked, limit)


def choose_training(frame: pd.DataFrame, limit: int) -> pd.DataFrame:
    """Keep all test rows, and of each class the normal training rows with the smallest sha256."""
    given = frame[frame["split"].isin(GIVEN) & (frame["label"] == GOOD)]
    chosen = given.sort_values(["sha256", "path"]).groupby("class").head(limit)
    kept = (frame["split"] == "test") | frame.index.isin(chosen.index)
    return frame[kept].reset_index(drop=True)


@dataclass(frozen=True)
class Outcome:
    """What a pass over the test images has shown.

    Attributes:
        metrics: Metrics per class, their mean, and pooled.
        scores: One row an image: path, class, label, image_score.
        scoring_seconds: Processor seconds of the scoring, over all threads.
        metric_seconds: Processor seconds of the metrics.
    """

    metrics: dict[str, Any]
    scores: pd.DataFrame
    scoring_seconds: float
    metric_seconds: float


def measure_stream(
    manifest: Manifest, stream: Iterable[tuple[dict[str, Any], Scored]], total: int, scratch: Path
) -> Outcome:
    """Score the test images and measure what comes out.

    Args:
        manifest: Where the masks lie.
        stream: Test rows and what a method says of them.
        total: Their number.
        scratch: Empty folder for the maps.
    """
    start = time.process_time()
    scored = collect(stream, total, scratch, "Scoring test images")
    middle = time.process_time()
    truth = GroundTruth(manifest, scored.frame)
    settings = EvaluationConfig(aupro_limits=[AUPRO_LIMIT])
    measured = measure(BENCH, scored, truth, settings)
    end = time.process_time()
    scores = scored.frame[["path", "class", "label", "image_score"]]
    return Outcome(measured.metrics(), scores, middle - start, end - middle)


def to_bench_size(raw_map: np.ndarray) -> np.ndarray:
    """Bring a raw map (h, w) to 256 x 256 pixels and smooth it there."""
    smoothed: np.ndarray = smooth(stretch(raw_map, (SIDE, SIDE))[None], SIGMA)[0]
    return smoothed


def _map_of(scored: ScoredSet, _: GroundTruth, place: int) -> np.ndarray:
    return to_bench_size(np.asarray(scored.raw_maps[place]))


def _mask_of(_: ScoredSet, truth: GroundTruth, place: int) -> np.ndarray:
    return shrink_mask(truth.mask(place), (SIDE, SIDE))


BENCH = Protocol(
    "bench",
    "Image scores are the method's own; for pixels its raw map is brought to 256 x 256 pixels, "
    "smoothed with sigma 4, and held against the mask at 256 x 256, by nearest neighbour.",
    _map_of,
    _mask_of,
)


def describe_protocol(limit: int) -> dict[str, Any]:
    """Return the protocol as results carry it; results of two protocols do not compare."""
    return {
        "training_images_a_class": limit,
        "chosen_by": "smallest sha256",
        "side": SIDE,
        "sigma": SIGMA,
        "aupro_limit": AUPRO_LIMIT,
        "meaning": BENCH.meaning,
    }


def _classes(frame: pd.DataFrame) -> list[str]:
    return sorted(str(name) for name in frame["class"].unique())


def _images_of(frame: pd.DataFrame) -> list[str]:
    masks = frame["mask"].fillna("")
    rows = zip(frame["path"], frame["split"], frame["sha256"], masks, strict=True)
    return ["\0".join(row) for row in rows]


def _count(frame: pd.DataFrame) -> dict[str, int]:
    test = frame[frame["split"] == "test"]
    bad = is_defective(test)
    return {
        "train": int((frame["split"] == "train").sum()),
        "validation": int((frame["split"] == "validation").sum()),
        "test_good": int((test["label"] == GOOD).sum()),
        "test_defective": int(bad.sum()),
        "masked": int(test.loc[bad, "mask"].notna().sum()),
    }
