"""The two detectors side by side: byte for byte where that can be asked, else by their scores."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from rlr.config import Config
from rlr.data.manifest import UNREADABLE, Manifest
from rlr.data.splits import calibratable
from rlr.detection.identity import DESCRIPTION
from rlr.foundation.documents import file_sha256, read_json
from rlr.foundation.machine import instruction_sets
from rlr.foundation.progress import track
from rlr.orchestration.reproduction.code import Code
from rlr.orchestration.reproduction.original import WEIGHTS, Original
from rlr.registry.facts import (
    COMPUTE_TAGS,
    INSTRUCTIONS_TAG,
    PACKAGE_TAG,
    PACKAGES,
    compute_tags,
    package_tags,
)

if TYPE_CHECKING:
    from rlr.detection.detector import Detector

# Packages between an image file and a weight; rlr itself is judged by its commit.
THROUGH = [f"{PACKAGE_TAG}{name}" for name in PACKAGES if name != "rlr"]


def differences(original: Original, code: Code, config: Config) -> list[dict[str, Any]]:
    """Return what forbids to ask for the same bytes: each condition that is not as it was.

    Args:
        original: What is stored of the training.
        code: The code that trains again.
        config: The configuration that it is given.
    """
    now = {
        **compute_tags(config),
        **package_tags(),
        INSTRUCTIONS_TAG: instruction_sets(),
    }
    found = [
        {"what": name, "then": original.tags.get(name), "now": now.get(name)}
        for name in (*COMPUTE_TAGS, INSTRUCTIONS_TAG, *THROUGH)
        if original.tags.get(name) != now.get(name)
    ]
    if not code.is_same:
        commit = original.tags.get("commit", "unknown")
        found.append({"what": "code", "then": commit, "now": "the running code"})
    return found


def compare_bytes(original: Path, again: Path) -> dict[str, Any]:
    """Compare weights and thresholds.

    Args:
        original: Folder of the registered detector.
        again: Folder of the one that was trained again.

    Returns:
        `equal`, and for each file of weights its digests and the tensors that differ.
    """
    files = {part: _compare_file(original / name, again / name) for part, name in WEIGHTS.items()}
    described = [read_json(folder / DESCRIPTION) for folder in (original, again)]
    thresholds = described[0]["thresholds"] == described[1]["thresholds"]
    return {
        "equal": thresholds and all(file["equal"] for file in files.values()),
        "thresholds_equal": thresholds,
        "files": files,
    }


def _compare_file(first: Path, second: Path) -> dict[str, Any]:
    digests = file_sha256(first), file_sha256(second)
    found: dict[str, Any] = {
        "equal": digests[0] == digests[1],
        "then": digests[0],
        "now": digests[1],
        "tensors": 0,
        "differing": {},
    }
    from safetensors.numpy import load_file

    tensors = load_file(first)
    found["tensors"] = len(tensors)
    if not found["equal"]:
        others = load_file(second)
        for name in sorted({*tensors, *others}):
            gap = _gap(tensors.get(name), others.get(name))
            if gap is None or gap > 0:
                found["differing"][name] = gap
    return found


def _gap(first: np.ndarray | None, second: np.ndarray | None) -> float | None:
    """Return the largest absolute difference; None where it is no number."""
    if first is None or second is None or first.shape != second.shape:
        return None
    gap = np.abs(first.astype(np.float64) - second.astype(np.float64)).max(initial=0.0)
    return float(gap) if np.isfinite(gap) else None


def compare_scores(
    original: Path, again: Path, manifest: Manifest, config: Config
) -> dict[str, Any]:
    """Score the same images by both detectors. Nothing is chosen here, only measured.

    Args:
        original: Folder of the registered detector.
        again: Folder of the one that was trained again.
        manifest: The images: normal ones of the split `validation`, judged ones of `test`.
        config: Device, batch size and tolerance.

    Returns:
        Number of images, the largest difference of a score as a share of the original's, the
        image where it is, the tolerance, and whether it holds.
    """
    from rlr.detection.detector import Detector

    device, size = config.training.device, config.features.batch_size
    rows = _rows(manifest)
    first, second = (
        np.array(list(_scores(Detector.load(folder, device, size), manifest, rows, label)))
        for folder, label in ((original, "scoring, as registered"), (again, "scoring, as trained"))
    )
    gaps = np.abs(first - second) / np.maximum(np.abs(first), np.finfo(np.float64).tiny)
    worst = int(gaps.argmax())
    tolerance = config.reproduction.score_tolerance
    return {
        "images": len(rows),
        "largest_relative_difference": float(gaps[worst]),
        "at": str(rows["path"].iloc[worst]),
        "tolerance": tolerance,
        "equal": bool(gaps[worst] <= tolerance),
    }


def _rows(manifest: Manifest) -> pd.DataFrame:
    test = manifest.select("test")
    chosen = [calibratable(manifest), test[test["label"].notna()]]
    rows = pd.concat(chosen).drop_duplicates("path")
    return rows[rows["mode"] != UNREADABLE].reset_index(drop=True)


def _scores(
    detector: "Detector", manifest: Manifest, rows: pd.DataFrame, label: str
) -> Iterator[float]:
    for _, prediction in track(detector.predict_rows(manifest, rows), label, total=len(rows)):
        yield prediction.image_score


def as_words(difference: Mapping[str, Any]) -> str:
    """Return a condition that is not as it was, for people."""
    return (
        f"{difference['what']}: {difference['then'] or 'not stored'} then, "
        f"{difference['now'] or 'unknown'} now"
    )
