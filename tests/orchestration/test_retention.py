"""What `rlr gc` removes, and above all what it does not."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rlr.cache.shard import open_shard
from rlr.config import Config, load_config
from rlr.config.retention import LimitConfig
from rlr.data.manifest import Manifest
from rlr.foundation.documents import file_sha256, write_json, write_result
from rlr.foundation.errors import MachineError
from rlr.gate.floors import FloorVerdict
from rlr.orchestration.retention import collect
from rlr.orchestration.retention.plan import DAY, GIB, Candidate, make_plan
from rlr.registry.names import AUDIT_PREFIX
from rlr.registry.removal import remove_run, stored_runs
from rlr.registry.server import connect, experiment_id
from rlr.registry.spool.entries import StateEntry
from rlr.registry.spool.folder import open_spool
from rlr.registry.tracking import Run
from rlr.registry.versions import Registration, register, resolve_model

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOW = 1_000 * DAY
LATER = 100 * DAY  # after now, when everything that a test makes is old
HOLD = FloorVerdict(True, [])


def _candidate(name: str, days: float, gib: float = 1.0, *reasons: str) -> Candidate:
    def refuse() -> None:
        raise AssertionError("a plan removes nothing")

    return Candidate(name, int(gib * GIB), NOW - days * DAY, reasons, refuse)


@pytest.mark.parametrize(
    ("limit", "removed", "protected"),
    [
        ({}, [], []),
        ({"max_age_days": 30.0}, ["old"], ["champion"]),
        ({"max_age_days": 0.0}, ["old", "recent"], ["champion"]),
        ({"max_gib": 4.0}, [], []),
        ({"max_gib": 3.0}, ["old"], ["champion"]),
        ({"max_gib": 2.0}, ["old", "recent"], ["champion"]),
        ({"max_gib": 0.0}, ["old", "recent"], ["champion"]),
        ({"max_age_days": 30.0, "max_gib": 2.0}, ["old", "recent"], ["champion"]),
    ],
)
def test_the_oldest_go_first_and_the_young_and_the_protected_stay(
    limit: dict[str, float], removed: list[str], protected: list[str]
) -> None:
    things = [
        _candidate("recent", 2),
        _candidate("young", 0.5),
        _candidate("champion", 90, 1.0, "it is champion"),
        _candidate("old", 40),
    ]
    plan = make_plan(things, LimitConfig(**limit), 24.0, NOW)
    assert [choice.candidate.name for choice in plan.remove] == removed
    assert [choice.candidate.name for choice in plan.protected] == protected
    assert plan.kept + len(removed) + len(protected) == len(things)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Return a configuration with a bound on everything, in a folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    kinds = ("tracking", "runs", "checkpoints", "data", "features", "models")
    return load_config("tiny", [f"retention.{kind}.max_age_days=30.0" for kind in kinds])


@pytest.fixture
def client(config: Config) -> "MlflowClient":
    return connect(config.registry)


@pytest.fixture
def make_run(config: Config, client: "MlflowClient", tmp_path: Path) -> Callable[..., Run]:
    """Return a function that makes a run, ended or not, with a file in its artifacts."""

    def make(data: str = "0", ended: bool = True) -> Run:
        run = Run.start(client, config, f"{data * 32}.dir", "f" * 64)
        if ended:
            client.set_terminated(run.run_id)
        return run

    return make


def _later(config: Config, dry_run: bool = False) -> dict[str, dict[str, Any]]:
    document = collect(config, dry_run, time.time() + LATER)
    return {kind["kind"]: kind for kind in document["kinds"]}


def _names(entries: list[dict[str, Any]]) -> str:
    return " ".join(entry["name"] for entry in entries)


def _is_active(client: "MlflowClient", run: Run) -> bool:
    return bool(client.get_run(run.run_id).info.lifecycle_stage == "active")


def _files(client: "MlflowClient", run: Run) -> list[Path]:
    folder = Path(client.get_run(run.run_id).info.artifact_uri.removeprefix("file://"))
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_an_alias_refers_to_stays_and_scores_as_before(
    config: Config,
    client: "MlflowClient",
    make_run: Callable[..., Run],
    trained: Path,
    small_manifest: Manifest,
) -> None:
    from rlr.detection.detector import Detector

    def add(data: str) -> tuple[Run, Registration]:
        run = make_run(data)
        return run, register(run, trained, config.registry, HOLD, challenger=False)

    made = {
        alias: add(data) for alias, data in zip(("champion", "previous", ""), "123", strict=True)
    }
    for alias, (_, version) in made.items():
        if alias:
            client.set_registered_model_alias(version.name, alias, version.version)
    cache = Path(".rlr/versions")
    for data in "1234":
        (cache / (data * 32)).mkdir(parents=True)
    for alias in made:
        resolve_model(made[alias][1].uri, config.registry)

    places = {
        model.source_run_id: Path(model.artifact_location.removeprefix("file://"))
        for model in _logged(client, config)
    }
    dry = _later(config, dry_run=True)
    assert all(folder.is_dir() for folder in places.values())
    assert all(_is_active(client, run) for run, _ in made.values())
    assert len(list(cache.iterdir())) == 4
    done = _later(config)
    assert dry == done  # what was announced is what was done

    gone_run, gone = made[""]
    assert f"models:/{gone.name}/{gone.version}" in _names(done["tracking"]["removed"])
    assert not _is_active(client, gone_run)
    assert _files(client, gone_run) == []
    numbers = {v.version for v in client.search_model_versions(f"name = '{gone.name}'")}
    assert {str(number) for number in numbers} == {"1", "2"}
    assert {path.name[0] for path in cache.iterdir()} == {"1", "2"}
    assert len(list(Path(".rlr/models").iterdir())) == 2
    (champion,) = (
        entry
        for entry in done["tracking"]["protected"]
        if made["champion"][0].run_id in entry["name"]
    )
    assert champion["protection"] == [f"models:/{gone.name}/1 is champion"]

    image = small_manifest.root / small_manifest.select("test")["path"][0]
    expected = Detector.load(trained / "model")
    for alias in ("champion", "previous"):
        assert _is_active(client, made[alias][0])
        folder = resolve_model(f"models:/{gone.name}@{alias}", config.registry)
        found = Detector.load(folder)
        scores = [d.predict([d.read(image)], ["rings"])[0].image_score for d in (expected, found)]
        assert scores[0] == scores[1]
    # Not only the cache: the artifacts themselves.
    there = {run_id for run_id, folder in places.items() if folder.is_dir()}
    assert there == {made[alias][0].run_id for alias in ("champion", "previous")}
    assert _later(config)["tracking"]["removed"] == []


def _logged(client: "MlflowClient", config: Config) -> list[Any]:
    return list(client.search_logged_models([experiment_id(client, config.registry.experiment)]))


def test_what_runs_is_kept_or_stands_in_the_audit_stays(
    config: Config, client: "MlflowClient", make_run: Callable[..., Run], trained: Path
) -> None:
    running, tagged, named, gone = make_run("1", False), make_run("2"), make_run("3"), make_run("4")
    client.set_tag(tagged.run_id, "keep", "for the customer")
    registered = make_run("5")
    version = register(registered, trained, config.registry, HOLD, challenger=False)
    audit = client.create_experiment(f"{AUDIT_PREFIX}-promotions")
    text = f"promoted {version.uri} over the run {named.run_id}, trained on {'6' * 32}.dir"
    client.create_run(audit, tags={"what": text})
    cache = Path(".rlr/versions")
    for data in "1234567":
        (cache / (data * 32)).mkdir(parents=True)

    done = _later(config)
    assert _names(done["tracking"]["removed"]).count("run ") == 1
    assert not _is_active(client, gone)
    for run in (running, tagged, named, registered):
        assert _is_active(client, run)
    assert sorted(path.name[0] for path in cache.iterdir()) == ["1", "2", "3", "5", "6"]
    reasons = " ".join(r for entry in done["tracking"]["protected"] for r in entry["protection"])
    for expected in ("RUNNING", "has the tag keep", f"{AUDIT_PREFIX}-promotions names it"):
        assert expected in reasons


def test_a_version_of_somebody_elses_model_keeps_the_run(
    config: Config, client: "MlflowClient", make_run: Callable[..., Run], trained: Path
) -> None:
    run = make_run()
    theirs = config.registry.model_copy(update={"model_name": "theirs"})
    register(run, trained, theirs, HOLD, challenger=False)
    done = _later(config)
    assert _is_active(client, run)
    (entry,) = done["tracking"]["protected"]
    assert entry["protection"] == ["models:/theirs/1 is a version of another model"]


def test_runs_of_other_experiments_are_nobodys_business(
    config: Config, client: "MlflowClient", make_run: Callable[..., Run]
) -> None:
    other = client.create_run(experiment_id(client, "other"))
    client.set_terminated(other.info.run_id)
    make_run()
    done = _later(config)
    assert len(done["tracking"]["removed"]) == 1
    assert client.get_run(other.info.run_id).info.lifecycle_stage == "active"


def test_a_version_that_has_become_champion_meanwhile_stays_whole(
    config: Config, client: "MlflowClient", make_run: Callable[..., Run], trained: Path
) -> None:
    run = make_run()
    made = register(run, trained, config.registry, HOLD, challenger=False)
    (stored,) = stored_runs(client, config.registry)
    client.set_registered_model_alias(made.name, "champion", made.version)
    with pytest.raises(MachineError, match="has become champion meanwhile"):
        remove_run(client, stored, config.registry)
    assert _is_active(client, run)
    assert _files(client, run)


def test_a_removal_that_was_killed_leaves_no_version_without_artifact(
    config: Config,
    client: "MlflowClient",
    make_run: Callable[..., Run],
    trained: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = make_run()
    made = register(run, trained, config.registry, HOLD, challenger=False)

    def die(_self: object, _path: object = None) -> None:
        raise KeyboardInterrupt

    place = "mlflow.store.artifact.local_artifact_repo.LocalArtifactRepository.delete_artifacts"
    with monkeypatch.context() as patch:
        patch.setattr(place, die)
        with pytest.raises(KeyboardInterrupt):
            _later(config)
    assert client.search_model_versions(f"name = '{made.name}'") == []
    assert len(_later(config)["tracking"]["removed"]) == 1
    assert _logged(client, config) == []


def test_the_size_of_artifacts_counts(
    config: Config, client: "MlflowClient", make_run: Callable[..., Run], tmp_path: Path
) -> None:
    (tmp_path / "big.bin").write_bytes(b"x" * 2**20)
    for index in range(3):
        run = make_run(ended=False)
        client.log_artifact(run.run_id, str(tmp_path / "big.bin"), "deep/down")
        client.set_terminated(run.run_id, end_time=1000 + index)
    limits = [f"retention.tracking.max_gib={2.5 / 1024}", "retention.grace_hours=0.0"]
    bounded = load_config("tiny", limits)
    document = collect(bounded, dry_run=True)
    (kind,) = document["kinds"]
    assert len(kind["removed"]) == 1
    assert 2**20 <= kind["bytes"] < 1.2 * 2**20
    assert kind["kept"] == 2


def _age(folder: Path, days: float) -> None:
    then = time.time() - days * DAY
    for path in (folder, *folder.rglob("*")):
        os.utime(path, (then, then))


@pytest.fixture
def folders(client: "MlflowClient", make_run: Callable[..., Run]) -> dict[str, Path]:
    """Return folders of local runs, all 40 days old but one."""
    known = make_run()
    made = {}
    for name in ("plain", "unsent", "unknown", "live", "young"):
        folder = Path(".rlr/runs") / name
        write_json(folder / "train" / "log.json", [])
        write_result(folder / "train", "train", run_id=known.run_id)
        made[name] = folder
    write_result(made["unknown"] / "train", "train", run_id="f" * 32)
    open_spool(made["live"] / "train", known.run_id, "")
    open_spool(made["unsent"] / "train", known.run_id, "").append(StateEntry(state="FINISHED"))
    for name, folder in made.items():
        _age(folder, 1 if name == "young" else 40)
    return made


def test_folders_of_runs(config: Config, folders: dict[str, Path]) -> None:
    spool = open_spool(folders["live"] / "train", next((folders["live"]).rglob("spool/*")).name, "")
    remains = Path(".rlr/runs/.removed.abc/old")
    remains.mkdir(parents=True)
    with spool.sending():
        _age(folders["live"], 40)
        document = collect(config, dry_run=False)
    kinds = {kind["kind"]: kind for kind in document["kinds"]}
    assert _names(kinds["runs"]["removed"]) == ".rlr/runs/plain"
    reasons = {
        Path(entry["name"]).name: entry["protection"] for entry in kinds["runs"]["protected"]
    }
    assert reasons == {
        "live": ["a process works in it"],
        "unknown": [f"its run {'f' * 32} is not on this tracking server"],
        "unsent": ["its spool holds entries that were not sent"],
    }
    assert sorted(p.name for p in Path(".rlr/runs").iterdir()) == [
        "live",
        "unknown",
        "unsent",
        "young",
    ]


def test_checkpoints_go_and_the_folder_around_them_stays(config: Config) -> None:
    state = Path(".rlr/train/checkpoint/main/epoch-0005/state.json")
    write_json(state, {})
    write_json(Path(".rlr/train/run.json"), {"run_id": "f" * 32})
    _age(Path(".rlr/train"), 40)
    document = collect(config, dry_run=False)
    (kind,) = (kind for kind in document["kinds"] if kind["kind"] == "checkpoints")
    assert _names(kind["removed"]) == ".rlr/train/checkpoint"
    assert not Path(".rlr/train/checkpoint").exists()
    assert Path(".rlr/train/run.json").is_file()


def test_the_pinned_data_stay(config: Config) -> None:
    Path("data.dvc").write_text(f"outs:\n- md5: {'a' * 32}.dir\n  hash: md5\n  path: data\n")
    for data in ("a", "b"):
        folder = Path(".rlr/versions") / (data * 32)
        folder.mkdir(parents=True)
        _age(folder, 40)
    document = collect(config, dry_run=False)
    (kind,) = (kind for kind in document["kinds"] if kind["kind"] == "data")
    assert [entry["protection"] for entry in kind["protected"]] == [
        ["data.dvc or the configuration names it"]
    ]
    assert [path.name[0] for path in Path(".rlr/versions").iterdir()] == ["a"]


def test_cached_features_go_unless_they_are_read(config: Config) -> None:
    made = {name: Path(".rlr/versions/features") / "recipe" / name for name in ("read", "old")}
    for folder in made.values():
        folder.mkdir(parents=True)
        np.arange(6, dtype=np.float32).tofile(folder / "rows.bin")
        sha256 = file_sha256(folder / "rows.bin")
        write_json(folder / "index.json", {"keys": [folder.name], "sha256": sha256})
    shard = open_shard(made["read"], values=6)
    for folder in made.values():
        _age(folder, 40)
    document = collect(config, dry_run=False)
    (kind,) = (kind for kind in document["kinds"] if kind["kind"] == "features")
    assert [entry["protection"] for entry in kind["protected"]] == [["a process reads it"]]
    assert [folder.is_dir() for folder in made.values()] == [True, False]
    del shard
    collect(config, dry_run=False)
    assert not made["read"].exists()


def test_without_the_server_nothing_is_removed(config: Config, folders: dict[str, Path]) -> None:
    away = load_config(
        "tiny", ["retention.runs.max_age_days=1.0", "registry.tracking_uri=http://127.0.0.1:9"]
    )
    with pytest.raises(MachineError, match="does not answer"):
        collect(away, dry_run=False)
    assert all(folder.is_dir() for folder in folders.values())


def test_the_command(rlr: Callable[..., Any], config: Config, folders: dict[str, Path]) -> None:
    unbounded = rlr("gc", "--config", "tiny")
    assert unbounded.status == 0
    assert "everything is kept" in unbounded.stdout
    words = ("gc", "--config", "tiny", "--set", "retention.runs.max_age_days=30.0")
    dry = rlr(*words, "--dry-run")
    assert "runs: 2 would go (0.0 MiB), 2 protected, 1 within" in dry.stdout
    assert "stays: its spool holds entries that were not sent" in dry.stdout
    assert folders["plain"].is_dir()
    assert rlr(*words, "--json").status == 0
    assert not folders["plain"].is_dir()
    assert folders["unsent"].is_dir()
