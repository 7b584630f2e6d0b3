"""PatchCore, plain and of our own: nearest neighbours among patches of normal images.

The patches are the very features that the detector is given: pooled tokens of the same levels, by
the same extractor, up-sampled to the finest grid and concatenated. A patch's score is its distance
to the nearest patch of a bank, which scikit-learn finds; what PatchCore does beyond that (locally
weighted image scores) is left out.

Source: Roth et al., "Towards Total Recall in Industrial Anomaly Detection", CVPR 2022.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from quality.own import Announce
from quality.protocol import Tree, measure_stream
from quality.results import Results, describe_code, peak_bytes
from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.data.splits import calibratable, trainable
from rlr.detection.device import pick_device
from rlr.detection.scoring import anomaly_map, image_scores, smooth
from rlr.evaluation.evaluate import judged_test_rows
from rlr.features.loading import read_inputs
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track
from rlr.training.extractor import open_extractor
from rlr.training.seeding import derive_seed

Banks = Literal["class", "all"]
Subset = Literal["random", "greedy"]
PROJECTED = 128  # dimensions in which the greedy subset measures distances
ALL = ""  # name of the one bank of all classes


@dataclass(frozen=True)
class Settings:
    """How banks are made.

    Attributes:
        banks: A bank a class, looked up by the class of the test image; or their union for all.
        patches: Patches kept of each class.
        subset: Drawn at random, or greedily: always the patch farthest from those kept.
    """

    banks: Banks = "class"
    patches: int = 8000
    subset: Subset = "random"


@dataclass(frozen=True)
class Said:
    """Score and maps of one image: distances in feature space."""

    image_score: float
    raw_map: np.ndarray
    anomaly_map: np.ndarray


class Patches:
    """Reads images, and turns them into patches.

    Args:
        config: Backbone, levels, input size and pooling.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        preprocessing = config.features.preprocessing
        self.size = preprocessing.height, preprocessing.width
        extractor, _ = open_extractor(config)
        self._extractor = extractor.to(pick_device(config.training.device))
        self._grids = [grid for grid, _ in self._extractor.shapes(*self.size)]
        self.grid = max(self._grids)

    def stream(self, paths: Sequence[Path]) -> Iterator[np.ndarray]:
        """Yield the patches of each image in turn: (L, C), float32."""
        for images in read_inputs(paths, self._config.features):
            yield from self._join(self._extractor(images)).cpu().numpy()

    def _join(self, tokens: Sequence[Tensor]) -> Tensor:
        """Up-sample all levels to the finest grid and concatenate them: (N, L, C)."""
        maps = [
            F.interpolate(
                level.transpose(1, 2).unflatten(2, grid),  # (N, C, h, w)
                self.grid,
                mode="bilinear",
                align_corners=False,
            )
            for level, grid in zip(tokens, self._grids, strict=True)
        ]
        return torch.cat(maps, dim=1).flatten(2).transpose(1, 2)


def fill_banks(
    manifest: Manifest, patches: Patches, settings: Settings, seed: int
) -> dict[str, np.ndarray]:
    """Return the kept patches (P, C) of each class.

    Every normal image that a method is given is used: there is no threshold to set here.
    """
    banks = {}
    rows = _given_rows(manifest)
    for name, own in rows.groupby("class"):
        paths = [manifest.root / path for path in own["path"]]
        stream = patches.stream(paths)
        found = np.concatenate(list(track(stream, f"patches of {name}", len(paths))))
        address = derive_seed(seed, "patchcore", str(name)) % 2**32
        kept = choose(found, settings, np.random.default_rng(address))
        banks[str(name)] = found[kept]
    return banks


def choose(patches: np.ndarray, settings: Settings, draws: np.random.Generator) -> np.ndarray:
    """Return the places of the patches that are kept, rising; all where they are few."""
    count = len(patches)
    if count <= settings.patches:
        return np.arange(count)
    if settings.subset == "random":
        return np.sort(draws.choice(count, settings.patches, replace=False))
    return np.sort(_farthest(patches, settings.patches, draws))


def measure_seed(
    config: Config, settings: Settings, tree: Tree, results: Results, announce: Announce
) -> None:
    """Fill banks with one seed of the subset, and measure, unless that is done already."""
    seed = config.seed
    if results.has(seed, None):
        return
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
    manifest = tree.manifest
    with threadpool_limits(config.training.threads):
        start = time.process_time()
        patches = Patches(config)
        indices = _index(fill_banks(manifest, patches, settings, seed), settings.banks)
        seconds = time.process_time() - start
        rows, _ = judged_test_rows(manifest)
        records = rows.to_dict(orient="records")
        _require_banks(indices, records)
        announce(seed, None)
        results.work.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=results.work, prefix=".maps.") as scratch:
            stream = _score(manifest, records, patches, indices, config)
            outcome = measure_stream(manifest, stream, len(rows), Path(scratch))
    record = {
        "seed": seed,
        "epoch": None,
        "cpu_seconds": {
            "training": 0.0,
            "features": seconds,
            "scoring_an_image": outcome.scoring_seconds / len(rows),
            "metrics": outcome.metric_seconds,
        },
        "peak_bytes": peak_bytes(),
        "code": describe_code(),
        "metrics": outcome.metrics,
    }
    results.add(record, outcome)


def _given_rows(manifest: Manifest) -> pd.DataFrame:
    return pd.concat([trainable(manifest), calibratable(manifest)]).sort_values("path")


def _index(banks: dict[str, np.ndarray], kind: Banks) -> dict[str, NearestNeighbors]:
    if kind == "all":
        banks = {ALL: np.concatenate(list(banks.values()))}
    return {
        name: NearestNeighbors(n_neighbors=1, algorithm="brute").fit(bank)
        for name, bank in banks.items()
    }


def _require_banks(indices: dict[str, NearestNeighbors], records: Sequence[dict[str, Any]]) -> None:
    for name in sorted({record["class"] for record in records}):
        if name not in indices and ALL not in indices:
            raise UserError(
                f"The class {name} has test images and no training image, so it has no bank; use "
                "--banks all, or add images."
            )


def _score(
    manifest: Manifest,
    records: Sequence[dict[str, Any]],
    patches: Patches,
    indices: dict[str, NearestNeighbors],
    config: Config,
) -> Iterator[tuple[dict[str, Any], Said]]:
    stream = patches.stream([manifest.root / record["path"] for record in records])
    for record, tokens in zip(records, stream, strict=True):
        index = indices[ALL if ALL in indices else record["class"]]
        distances = torch.from_numpy(index.kneighbors(tokens)[0][:, 0].astype(np.float32))
        raw = anomaly_map([distances[None]], [patches.grid], patches.size).numpy()
        smoothed = smooth(raw, config.detection.smoothing_sigma)
        yield record, Said(float(image_scores(smoothed)[0]), raw[0], smoothed[0])


def _farthest(patches: np.ndarray, count: int, draws: np.random.Generator) -> np.ndarray:
    """Choose greedily, in a random projection, the patch farthest from all chosen ones."""
    projection = draws.standard_normal((patches.shape[1], PROJECTED)).astype(np.float32)
    points = torch.from_numpy(patches @ projection)
    norms = (points**2).sum(dim=1)
    chosen = [int(draws.integers(len(points)))]
    nearest = torch.full((len(points),), torch.inf)
    for _ in track(range(count - 1), "greedy subset"):
        last = chosen[-1]
        distances = norms + norms[last] - 2.0 * (points @ points[last])
        torch.minimum(nearest, distances, out=nearest)
        nearest[last] = -torch.inf
        chosen.append(int(nearest.argmax()))
    return np.array(chosen)
