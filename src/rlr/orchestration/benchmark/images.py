"""The manifest of a benchmark: made once, and held against the folder ever after."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from rlr.config.data import DataConfig
from rlr.data.images import read_header
from rlr.data.index import index_images, read_entries
from rlr.data.layouts import Entry
from rlr.data.manifest import (
    GOOD,
    MASK_SEPARATOR,
    UNREADABLE,
    Manifest,
    read_manifest,
    write_manifest,
)
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track
from rlr.orchestration.benchmark.datasets import Dataset

MANIFEST_FILE = "manifest.parquet"


@dataclass(frozen=True)
class CategoryCounts:
    """Images of one category: normal ones to train on, normal and defective ones to test on."""

    train: int
    good: int
    defective: int

    def as_dict(self) -> dict[str, int]:
        """Return the counts as they stand in a document."""
        return asdict(self)


def count_images(config: DataConfig, dataset: Dataset) -> dict[str, CategoryCounts]:
    """Count the images of each category by their places alone; no file is opened.

    Raises:
        UserError: The folder is not as it should be, or a category cannot be trained or tested.
    """
    entries = read_entries(config, Path(config.root))
    tally = Counter((entry.class_name, entry.split, entry.label == GOOD) for entry in entries)
    counts = {
        name: CategoryCounts(
            tally[name, "train", True], tally[name, "test", True], tally[name, "test", False]
        )
        for name in sorted({entry.class_name for entry in entries})
    }
    for name, found in counts.items():
        if not found.train or not found.good or not found.defective:
            raise UserError(
                f"{config.root}: {name} has {found.train} normal training images, {found.good} "
                f"normal and {found.defective} defective test images, and the protocol of "
                f"{dataset.title} needs some of each; complete it, or leave it out with "
                "--categories."
            )
    return counts


def notes_on(dataset: Dataset, counts: Mapping[str, CategoryCounts]) -> list[str]:
    """Return how the images differ from the official set; [] where they do not, as far as known."""
    missing = [name for name in dataset.categories if name not in counts]
    strange = [name for name in counts if name not in dataset.categories]
    notes = []
    if missing:
        notes.append(f"{len(missing)} of {len(dataset.categories)} categories are not in the run.")
    if strange:
        notes.append(f"{dataset.title} has no category {', '.join(strange)}.")
    if not missing and not strange and dataset.counts is not None:
        train = sum(found.train for found in counts.values())
        test = sum(found.good + found.defective for found in counts.values())
        for what, found, official in (
            ("training images", train, dataset.counts.train),
            ("test images", test, dataset.counts.test),
            ("images", train + test, dataset.counts.total),
        ):
            if official is not None and found != official:
                notes.append(f"There are {found} {what}, officially {official}.")
    return notes


def list_once(config: DataConfig, folder: Path) -> Manifest:
    """Return the manifest of a benchmark; it is made where there is none yet.

    Args:
        config: Where the images are; nothing of them is set aside.
        folder: Where the manifest is kept.

    Raises:
        UserError: The images are others than those of the runs that are there, or an image or a
            mask cannot be used.
    """
    file, root = folder / MANIFEST_FILE, Path(config.root)
    if not file.is_file():
        manifest = index_images(config, root)
        _refuse_unusable(manifest)
        write_manifest(manifest, file)
    manifest = read_manifest(file, root)
    if _listed(manifest.frame) != _found(read_entries(config, root), root):
        raise UserError(
            f"{folder} holds runs on other images than those that {root} holds now (by name, size "
            "or split), or on other categories; choose another --output."
        )
    return manifest


def _refuse_unusable(manifest: Manifest) -> None:
    """Refuse images and masks that would stop a run only after hours of training.

    Raises:
        UserError: One is not readable, or a mask is not of its image's size.
    """
    frame = manifest.frame
    unreadable = list(frame.loc[frame["mode"] == UNREADABLE, "path"])
    if unreadable:
        raise UserError(
            f"{manifest.root / unreadable[0]} is not a readable image ({len(unreadable)} in all); "
            "replace it: the standard protocol takes every image."
        )
    masked = frame[frame["mask"].notna()].to_dict(orient="records")
    for row in track(masked, "Reading masks"):
        for name in row["mask"].split(MASK_SEPARATOR):
            header = read_header(manifest.root / name)
            if (header.width, header.height) != (row["width"], row["height"]):
                raise UserError(
                    f"{manifest.root / name}: mask of {header.width}x{header.height} pixels for an "
                    f"image of {row['width']}x{row['height']} ({row['path']}); restore both files."
                )


def _listed(frame: pd.DataFrame) -> set[tuple[str, str, str, str, int]]:
    columns = (frame[name] for name in ("path", "class", "split", "label", "bytes"))
    return {(p, c, s, str(label), int(size)) for p, c, s, label, size in zip(*columns, strict=True)}


def _found(entries: Sequence[Entry], root: Path) -> set[tuple[str, str, str, str, int]]:
    return {
        (
            entry.path,
            entry.class_name,
            entry.split,
            str(entry.label),
            (root / entry.path).stat().st_size,
        )
        for entry in entries
    }
