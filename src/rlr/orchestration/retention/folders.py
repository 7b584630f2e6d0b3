"""Things on the disk of this machine: runs, checkpoints, pulled data, fetched models."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from rlr.cache import drop_shard, find_shards, in_use
from rlr.foundation.documents import RESULT_FILE, read_json
from rlr.foundation.errors import MachineError, RlrError
from rlr.orchestration.local import RUNS
from rlr.orchestration.retention.plan import Candidate
from rlr.registry.references import References
from rlr.registry.spool.sync import spool_states
from rlr.registry.versions import MODEL_CACHE

PLACE = Path(".rlr")
CHECKPOINT = "checkpoint"
REMOVED = ".removed."
CACHED_VERSION = re.compile(r"[0-9a-f]{32}")

Knows = Callable[[str], bool]


def run_folders(references: References, knows: Knows) -> list[Candidate]:
    """Return the folders of local pipeline runs.

    Args:
        references: What must stay.
        knows: Whether the tracking server knows a run.
    """
    return [
        _candidate(folder, _protection_of_run(folder, references, knows))
        for folder in _folders(RUNS)
    ]


def checkpoints() -> list[Candidate]:
    """Return the checkpoints of trainings that were not finished."""
    found = sorted(path for path in PLACE.rglob(CHECKPOINT) if next(path.glob("*/epoch-*"), None))
    return [_candidate(folder, _protection_of_work(folder.parent)) for folder in found]


def cached_data(cache: Path, references: References, pinned: Iterable[str]) -> list[Candidate]:
    """Return the data versions that were pulled.

    Args:
        cache: Folder with a folder a version.
        references: What must stay.
        pinned: Versions that the checkout and the configuration work with.
    """
    kept = {name: ["data.dvc or the configuration names it"] for name in pinned}
    return [
        _candidate(
            folder,
            [*kept.get(f"{folder.name}.dir", []), *references.data.get(f"{folder.name}.dir", [])],
        )
        for folder in _folders(cache)
        if CACHED_VERSION.fullmatch(folder.name)
    ]


def cached_features(cache: Path) -> list[Candidate]:
    """Return the shards of cached features.

    Args:
        cache: The feature cache.
    """
    return [
        replace(
            _candidate(shard, ["a process reads it"] if in_use(shard) else []),
            remove=partial(_remove_shard, shard),
        )
        for shard in find_shards(cache)
    ]


def cached_models(references: References) -> list[Candidate]:
    """Return the detectors that were fetched from the registry."""
    return [
        _candidate(folder, references.fingerprints.get(folder.name.rpartition("-")[2], []))
        for folder in _folders(MODEL_CACHE)
    ]


def clear_remains(places: Iterable[Path]) -> None:
    """Remove what a removal that was killed has left."""
    for place in places:
        for folder in place.glob(f"{REMOVED}*"):
            shutil.rmtree(folder, ignore_errors=True)


def _protection_of_run(folder: Path, references: References, knows: Knows) -> list[str]:
    reasons = _protection_of_work(folder)
    for state in spool_states([folder]):
        if state.unsent or state.problem:
            reasons.append("its spool holds entries that were not sent")
    for run_id in sorted(set(_run_ids(folder))):
        reasons += references.runs.get(run_id, [])
        if not knows(run_id):
            reasons.append(f"its run {run_id} is not on this tracking server")
    return list(dict.fromkeys(reasons))


def _protection_of_work(folder: Path) -> list[str]:
    return ["a process works in it"] if any(s.is_live for s in spool_states([folder])) else []


def _run_ids(folder: Path) -> Iterator[str]:
    for file in folder.rglob(RESULT_FILE):
        try:
            run_id = read_json(file).get("run_id")
        except (RlrError, AttributeError):
            continue
        if run_id:
            yield str(run_id)


def _folders(place: Path) -> list[Path]:
    if not place.is_dir():
        return []
    return sorted(
        path for path in place.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _candidate(folder: Path, reasons: Iterable[str]) -> Candidate:
    size, changed = _measure(folder)
    return Candidate(str(folder), size, changed, tuple(reasons), lambda: _remove(folder))


def _measure(folder: Path) -> tuple[int, float]:
    """Return the bytes of a folder, and when anything in it last changed."""
    size, changed = 0, folder.stat().st_mtime
    for parent, _, names in os.walk(folder):
        for name in names:
            status = os.lstat(os.path.join(parent, name))
            size += status.st_size
            changed = max(changed, status.st_mtime)
    return size, changed


def _remove_shard(shard: Path) -> None:
    if not drop_shard(shard):
        raise MachineError("a process has begun to read it")


def _remove(folder: Path) -> None:
    """Take a folder's name away first: what is half removed is never found under it."""
    retired = Path(tempfile.mkdtemp(dir=folder.parent, prefix=REMOVED))
    folder.replace(retired / folder.name)
    shutil.rmtree(retired)
