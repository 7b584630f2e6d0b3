"""The results of a measurement: one JSON file that grows as they come.

NAME.json           configuration, images, code, machine, one record an epoch of a seed
NAME.scores/        image scores of each record, for intervals over pairs of images
NAME.work/          checkpoints and models, until their seed is done
"""

import fcntl
import json
import os
import platform
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
from pydantic import ValidationError

from rlr.config import Config
from rlr.foundation.atomic import atomic_file, explained_writes
from rlr.foundation.build import current_build
from rlr.foundation.documents import SCHEMA_VERSION, digest, file_sha256, read_json, write_json
from rlr.foundation.errors import UserError
from rlr.foundation.machine import processor

if TYPE_CHECKING:
    from quality.protocol import Outcome, Tree

KIND = "detection-bench"
WORK = ".work"
SAME = ("method", "configuration", "protocol", "images")
LIBRARIES = ("torch", "timm", "numpy", "scipy", "scikit-learn")


class Results:
    """A results file; what is in it already is not measured again.

    Args:
        path: The file.
        document: Its content.
    """

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self.path, self.document = path, document

    @classmethod
    @contextmanager
    def open(cls, path: Path, head: dict[str, Any]) -> "Iterator[Results]":
        """Start a file, or go on with one that asks for the same; meanwhile no other process may.

        Raises:
            UserError: There is a file of another measurement, or another process writes it.
        """
        with _held(path.with_suffix(WORK), path):
            yield cls(path, cls._content(path, head))

    @staticmethod
    def _content(path: Path, head: dict[str, Any]) -> dict[str, Any]:
        document = read_results(path) if path.is_file() else {**head, "records": [], "openings": []}
        for key in SAME:
            if not _same(key, document.get(key), head[key]):
                raise UserError(
                    f"{path} holds a measurement with another {key}; choose another --out, or "
                    "remove the file to measure anew."
                )
        return document | {name: head[name] for name in ("seeds", "epochs_measured")}

    def has(self, seed: int, epoch: int | None) -> bool:
        """Return whether a record is there."""
        return any(
            record["seed"] == seed and record["epoch"] == epoch
            for record in self.document["records"]
        )

    def add_opening(self, opening: dict[str, Any]) -> None:
        """List an opening of real test images, and write the file."""
        self.document["openings"].append(opening)
        self.write()

    def add(self, record: dict[str, Any], outcome: "Outcome") -> None:
        """Keep a record with its image scores, and write the file."""
        name = f"seed-{record['seed']}"
        name += f"-epoch-{record['epoch']:04d}" if record["epoch"] is not None else ""
        self.scores_folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.scores_folder / f"{name}.parquet") as temporary:
            outcome.scores.to_parquet(temporary, index=False)
        record = {**record, "scores": f"{self.scores_folder.name}/{name}.parquet"}
        self.document["records"].append(record)
        self.document["records"].sort(key=lambda one: (one["seed"], one["epoch"] or 0))
        self.write()

    def write(self) -> None:
        """Write the file, atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_json(self.path, self.document)

    @property
    def scores_folder(self) -> Path:
        return self.path.with_suffix(".scores")

    @property
    def work(self) -> Path:
        return self.path.with_suffix(WORK)


def _same(key: str, before: Any, now: Any) -> bool:
    """Return whether a file's head says what is asked for; keys that came since have defaults."""
    if key != "configuration" or not isinstance(before, dict):
        return bool(before == now)
    own = ("resolved", "sha256")
    rest = [
        {name: value for name, value in one.items() if name not in own} for one in (before, now)
    ]
    return rest[0] == rest[1] and _as_today(before["resolved"]) == _as_today(now["resolved"])


def _as_today(resolved: dict[str, Any]) -> dict[str, Any]:
    try:
        return _resolved(Config.model_validate_json(json.dumps(resolved)))
    except ValidationError:
        return resolved


def _resolved(config: Config) -> dict[str, Any]:
    """Return all values but the seed, which a record has, and where the images lie."""
    resolved = config.model_dump(mode="json", exclude={"seed"})
    resolved["data"].pop("root")
    return resolved


@contextmanager
def _held(folder: Path, path: Path) -> Iterator[None]:
    with explained_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, path)
        yield
    finally:
        os.close(handle)


def _lock(handle: int, path: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise UserError(
            f"{path} is being written by another process; wait for it, or choose another --out."
        ) from error


def read_results(path: Path) -> dict[str, Any]:
    """Read a results file.

    Raises:
        UserError: It is missing or of another kind.
    """
    document = read_json(path)
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise UserError(f"{path} holds no results of benchmarks/detection.py; name one that does.")
    found: dict[str, Any] = document
    return found


def read_scores(path: Path, record: dict[str, Any]) -> pd.DataFrame:
    """Read the image scores of a record of a results file."""
    return pd.read_parquet(path.parent / record["scores"])


def head_of(
    method: str, config: Config, source: str, overrides: list[str], tree: "Tree", **more: Any
) -> dict[str, Any]:
    """Return what a results file says before its records."""
    from quality.protocol import describe_protocol

    configuration = describe_configuration(config, source, overrides) | more
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": KIND,
        "method": method,
        "configuration": configuration,
        "protocol": describe_protocol(tree.limit),
        "images": tree.describe(),
        "machine": describe_machine(config),
        "versions": describe_versions(),
    }


def describe_configuration(config: Config, source: str, overrides: list[str]) -> dict[str, Any]:
    """Return a resolved configuration, without where on this machine anything lies."""
    resolved = _resolved(config)
    weights = Path(config.features.backbone.weights)
    told: dict[str, Any] = {"weights": config.features.backbone.weights}
    if weights.is_file():
        told = {"weights": weights.name, "weights_sha256": file_sha256(weights)}
        resolved["features"]["backbone"]["weights"] = weights.name
    return {
        "name": config.name,
        "source": Path(source).name,
        "overrides": [one for one in overrides if not one.startswith("features.backbone.weights=")],
        "backbone": {"name": config.features.backbone.name, **told},
        "sha256": digest(resolved),
        "resolved": resolved,
    }


def describe_code() -> dict[str, Any]:
    """Return version and commit of the running code."""
    build = current_build()
    return {"version": build.version, "commit": build.commit, "dirty": build.dirty}


def describe_versions() -> dict[str, str]:
    """Return the versions of what computes."""
    versions = {name: metadata.version(name) for name in LIBRARIES}
    return {"python": platform.python_version(), **versions}


def describe_machine(config: Config) -> dict[str, Any]:
    """Return processor, cores, and what computes."""
    import torch

    device = config.training.device
    on_gpu = device != "cpu" and torch.cuda.is_available()
    return {
        "cpu": processor(),
        "cores": os.cpu_count(),
        "threads": config.training.threads,
        "device": torch.cuda.get_device_name() if on_gpu else "cpu",
    }


def peak_bytes() -> int:
    """Return the greatest resident memory of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
