"""One pass over everything that a configuration bounds."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.cache import feature_cache_folder
from rlr.config import Config
from rlr.config.retention import LimitConfig
from rlr.data.versions.materialise import cache_folder
from rlr.data.versions.pin import find_pin, pinned_version
from rlr.foundation.errors import RlrError
from rlr.foundation.network import without_password
from rlr.foundation.progress import track
from rlr.orchestration.local import RUNS
from rlr.orchestration.retention import folders
from rlr.orchestration.retention.plan import DAY, Candidate, Choice, Plan, make_plan
from rlr.registry.lookup import find_run
from rlr.registry.references import References, find_references
from rlr.registry.removal import StoredRun, remove_run, stored_bytes, stored_runs
from rlr.registry.server import connect
from rlr.registry.spool.sync import spool_states
from rlr.registry.versions import MODEL_CACHE

if TYPE_CHECKING:
    from mlflow import MlflowClient


def collect(config: Config, dry_run: bool, now: float | None = None) -> dict[str, Any]:
    """Remove what is beyond the limits of `config.retention` and not referred to.

    Args:
        config: The configuration: limits, tracking server, data cache.
        dry_run: Whether to say only what would go.
        now: The time in seconds since 1970; None: that of the clock.

    Returns:
        What went or would go, what is protected and why, a kind each, as a document.

    Raises:
        MachineError: The tracking server does not answer, so that nobody knows what is referred
            to; nothing is removed.
    """
    bounded = _bounded(config)
    if not bounded:
        return {"dry_run": dry_run, "server": None, "kinds": []}
    client = connect(config.registry)
    references = find_references(client, config.registry.model_name)
    sweep = _Sweep(config, client, references, time.time() if now is None else now)
    if not dry_run:
        folders.clear_remains([RUNS, MODEL_CACHE, sweep.cache, *sweep.features.glob("*")])
    kinds = [sweep.run(kind, limit, dry_run) for kind, limit in bounded.items()]
    return {"dry_run": dry_run, "server": without_password(client.tracking_uri), "kinds": kinds}


def _bounded(config: Config) -> dict[str, LimitConfig]:
    """Return the limits that are set, by kind, in the order in which they are applied."""
    limits = {
        name: getattr(config.retention, name)
        for name in ("tracking", "runs", "checkpoints", "data", "features", "models")
    }
    return {name: limit for name, limit in limits.items() if limit != LimitConfig()}


@dataclass(frozen=True)
class _Sweep:
    config: Config
    client: "MlflowClient"
    references: References
    now: float

    @property
    def cache(self) -> Path:
        return cache_folder(self.config.data)

    @property
    def features(self) -> Path:
        return feature_cache_folder(self.config)

    def run(self, kind: str, limit: LimitConfig, dry_run: bool) -> dict[str, Any]:
        """Plan for one kind, and do it."""
        candidates = {
            "tracking": self._tracking,
            "runs": lambda: folders.run_folders(self.references, self._knows),
            "checkpoints": folders.checkpoints,
            "data": lambda: folders.cached_data(self.cache, self.references, self._pinned()),
            "features": lambda: folders.cached_features(self.features),
            "models": lambda: folders.cached_models(self.references),
        }[kind]()
        plan = make_plan(candidates, limit, self.config.retention.grace_hours, self.now)
        problems = {} if dry_run else _remove(plan, kind)
        return _document(kind, plan, problems, self.now)

    def _tracking(self) -> list[Candidate]:
        unsent = {state.run_id for state in spool_states([folders.PLACE]) if state.unsent}
        runs = stored_runs(self.client, self.config.registry)
        return [self._stored(run, unsent) for run in track(runs, "Looking at runs")]

    def _stored(self, stored: StoredRun, unsent: set[str]) -> Candidate:
        info = stored.run.info
        reasons = list(self.references.runs.get(info.run_id, []))
        if info.run_id in unsent:
            reasons.append("a spool holds entries for it that were not sent")
        versions = "".join(f", models:/{v.name}/{v.version}" for v in stored.versions)
        return Candidate(
            f"run {info.run_id} ({info.run_name}){versions}",
            stored_bytes(self.client, stored),
            stored.changed,
            tuple(reasons),
            _remover(self.client, stored, self.config),
        )

    def _knows(self, run_id: str) -> bool:
        return find_run(self.client, run_id) is not None

    def _pinned(self) -> Iterator[str]:
        project = find_pin()
        if project is not None:
            yield pinned_version(project)
        if self.config.data.version is not None:
            yield self.config.data.version


def _remover(client: "MlflowClient", stored: StoredRun, config: Config) -> Callable[[], None]:
    return lambda: remove_run(client, stored, config.registry)


def _remove(plan: Plan, kind: str) -> dict[str, str]:
    """Remove what a plan says; return why a thing is there still, by its name."""
    problems = {}
    for choice in track(plan.remove, f"Removing {kind}"):
        try:
            choice.candidate.remove()
        except (RlrError, OSError) as error:
            problems[choice.candidate.name] = str(error)
    return problems


def _document(kind: str, plan: Plan, problems: dict[str, str], now: float) -> dict[str, Any]:
    removed = [choice for choice in plan.remove if choice.candidate.name not in problems]
    return {
        "kind": kind,
        "removed": [_entry(choice, now) for choice in removed],
        "bytes": sum(choice.candidate.size for choice in removed),
        "protected": [
            {**_entry(choice, now), "protection": list(choice.candidate.protection)}
            for choice in plan.protected
        ],
        "kept": plan.kept,
        "problems": [f"{name}: {problem}" for name, problem in problems.items()],
    }


def _entry(choice: Choice, now: float) -> dict[str, Any]:
    thing = choice.candidate
    return {
        "name": thing.name,
        "bytes": thing.size,
        "age_days": round((now - thing.changed) / DAY, 3),
        "reason": choice.reason,
    }
