"""From a folder of images to a manifest."""

import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.annotations import read_groups, read_labels, read_notes
from rlr.data.images import ImageHeader, read_header
from rlr.data.layouts import Entry, Layout, open_layout
from rlr.data.manifest import (
    MASK_SEPARATOR,
    UNREADABLE,
    Manifest,
    Split,
    make_frame,
    read_manifest,
)
from rlr.data.splits import carve_validation, refuse_tested
from rlr.data.versions import data_version
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track


def index_images(
    config: DataConfig, root: Path | None = None, version: str | None = None
) -> Manifest:
    """List every image of a folder in a manifest.

    Args:
        config: Layout, classes, groups and splits.
        root: Folder with the images; None: `config.root`.
        version: Data version of that folder, where it is known; None: it is computed.

    Returns:
        The manifest. An image whose header cannot be read is a row of mode "unreadable" and
        size 0x0, for validation to judge.

    Raises:
        UserError: The folder is missing or in no known layout, a class is empty or unknown, a
            path cannot stand in a manifest, a CSV is wrong, or an image that was in test in
            `config.previous_manifest` would be trained on.
    """
    root = Path(config.root) if root is None else Path(root)
    entries = read_entries(config, root)
    _refuse_paths(entries, root)
    entries = read_labels(config, root, entries)
    groups = read_groups(config, root, entries)
    notes = read_notes(config, root, entries)
    rows = [
        _row(entry, facts, groups) | notes[entry.path]
        for entry, facts in zip(entries, _read_facts(entries, root, config.workers), strict=True)
    ]
    frame = carve_validation(make_frame(rows), config.validation_fraction)
    if config.previous_manifest:
        used: list[Split] = ["train", "validation"]
        used += ["unlabelled"] if config.assume_normal else []
        refuse_tested(frame, read_manifest(Path(config.previous_manifest), root), used)
    return Manifest(frame, root, version or data_version(root))


def layout_of(config: DataConfig, root: Path) -> Layout:
    """Open the tree of a folder; raises as `open_layout` does."""
    # The name of a set that is one class is that of the configured folder: a pulled copy of it
    # lies in a folder that is named by its version.
    return open_layout(root, config.layout, os.path.basename(os.path.abspath(config.root)))


def read_entries(config: DataConfig, root: Path) -> list[Entry]:
    """List the images of a folder by their places alone; no file is opened.

    Raises:
        UserError: The folder is in no known layout, or a class is empty or unknown.
    """
    layout = layout_of(config, root)
    entries = []
    for name in _chosen_classes(config, layout, root):
        found = layout.entries(name)
        if not found:
            raise UserError(
                f"The class {name} in {root} has no images; fill or remove its folder, or choose "
                "other classes (data.classes)."
            )
        entries.extend(found)
    return entries


def _chosen_classes(config: DataConfig, layout: Layout, root: Path) -> Sequence[str]:
    present = layout.class_names
    if not present:
        raise UserError(f"{root} holds no class folder; name a folder with images (data.root).")
    if config.classes is None:
        return present
    unknown = sorted(set(config.classes) - set(present))
    if unknown or not config.classes:
        raise UserError(
            f"data.classes: {', '.join(unknown) or 'the list is empty'}; {root} has the classes "
            f"{', '.join(present)}."
        )
    return sorted(set(config.classes))


def _refuse_paths(entries: Sequence[Entry], root: Path) -> None:
    """Refuse what a manifest could not hold: it joins masks with "|" and is written in UTF-8."""
    for entry in entries:
        for path in (entry.path, *entry.masks):
            if MASK_SEPARATOR in path:
                raise UserError(f"{root / path}: '|' may not stand in a name; rename the file.")
            try:
                path.encode()
            except UnicodeEncodeError as error:
                raise UserError(
                    f"{os.fsencode(path)!r} in {root} is no UTF-8 name; rename the file."
                ) from error
    path, times = Counter(entry.path for entry in entries).most_common(1)[0]
    if times > 1:
        raise UserError(f"{root / path} is listed {times} times; keep one of the rows.")


@dataclass(frozen=True)
class _Facts:
    """What only the file itself tells."""

    size: int
    sha256: str
    header: ImageHeader


def _read_facts(entries: Sequence[Entry], root: Path, workers: int | None) -> list[_Facts]:
    paths = [root / entry.path for entry in entries]
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        return list(track(pool.map(_read_file, paths), "Reading images", total=len(paths)))


def _read_file(path: Path) -> _Facts:
    try:
        size, sha256 = path.stat().st_size, file_sha256(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be opened ({error.strerror}); restore or remove it."
        ) from error
    try:
        header = read_header(path)
    except UserError:
        header = ImageHeader(0, 0, UNREADABLE)
    return _Facts(size, sha256, header)


def _row(entry: Entry, facts: _Facts, groups: dict[str, str]) -> dict[str, object]:
    return {
        "path": entry.path,
        "class": entry.class_name,
        "split": entry.split,
        "label": entry.label,
        "mask": MASK_SEPARATOR.join(entry.masks) or None,
        "width": facts.header.width,
        "height": facts.header.height,
        "mode": facts.header.mode,
        "bytes": facts.size,
        "sha256": facts.sha256,
        "group": groups.get(entry.path, facts.sha256),
    }
