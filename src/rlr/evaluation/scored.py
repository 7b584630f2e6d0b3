"""Test images with what was said of them; the maps lie on disk, so memory stays bounded."""

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np
import pandas as pd

from rlr.data.manifest import is_defective
from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track

MAPS = ("raw_map", "anomaly_map")


class Scored(Protocol):
    """What any method says of one image: its score, and its maps at the input size."""

    @property
    def image_score(self) -> float: ...

    @property
    def raw_map(self) -> np.ndarray: ...

    @property
    def anomaly_map(self) -> np.ndarray: ...


@dataclass(frozen=True)
class ScoredSet:
    """Scored test images.

    Attributes:
        frame: One row an image: the manifest's columns, `defective`, `image_score`, and what
            else was asked for.
        raw_maps: Maps before smoothing (N, h, w), float32, read from disk when looked at.
        anomaly_maps: Maps after smoothing (N, h, w), likewise.
    """

    frame: pd.DataFrame
    raw_maps: np.ndarray
    anomaly_maps: np.ndarray

    @property
    def classes(self) -> list[str]:
        """Names of the classes that occur, sorted."""
        return sorted(self.frame["class"].unique())


def collect(
    stream: Iterable[tuple[dict[str, Any], Scored]],
    total: int,
    folder: Path,
    label: str,
    columns: Sequence[str] = (),
) -> ScoredSet:
    """Take in a stream of scored images.

    Args:
        stream: Manifest rows and what was said of them.
        total: Number of images to come, at least one.
        folder: Where the maps are put.
        label: Name of the work, for the progress.
        columns: Further fields of what was said, to be kept.

    Raises:
        UserError: A score is not finite.
        MachineError: The disk is full.
    """
    records: list[dict[str, Any]] = []
    with ExitStack() as stack:
        files = [_create(stack, folder / name) for name in MAPS]
        for row, said in track(stream, label, total):
            _require_finite(row, said)
            for name, file in zip(MAPS, files, strict=True):
                file.write(getattr(said, name).astype(np.float32).tobytes())
            kept = {name: getattr(said, name) for name in columns}
            records.append({**row, "image_score": float(said.image_score), **kept})
            shape = said.raw_map.shape
    maps = (
        np.memmap(folder / name, np.float32, mode="r", shape=(len(records), *shape))
        for name in MAPS
    )
    frame = pd.DataFrame(records)
    return ScoredSet(frame.assign(defective=is_defective(frame)), *maps)


def _create(stack: ExitStack, path: Path) -> BinaryIO:
    """Open a new file that is there whole or not at all, until the stack is left."""
    return stack.enter_context(stack.enter_context(atomic_file(path)).open("wb"))


def _require_finite(row: dict[str, Any], said: Scored) -> None:
    if not np.isfinite(said.raw_map).all() or not np.isfinite(said.anomaly_map).all():
        raise UserError(
            f"{row['path']}: its anomaly map is not finite; the detector's weights are broken, "
            "train it again."
        )
