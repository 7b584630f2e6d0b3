"""Containers without a daemon: what they share, what they get, and what is believed of them."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlr.config import load_config
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.cluster import Needs, secret_variables
from rlr.orchestration.containers.audit import container_faults
from rlr.orchestration.containers.daemon import daemon_explained, docker_client
from rlr.orchestration.containers.images import Image
from rlr.orchestration.containers.mounts import Shares, local_store, shares_of
from rlr.orchestration.containers.watch import Seen, Watch, step_of
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project

IMAGE = Image("none:0", "sha256:1", "10001")


def _seen(step: str, **changes: Any) -> Seen:
    facts = {"image_id": "sha256:1", "user": "10001", "read_only": True, "exit_status": 0}
    return Seen("none:0", step, **{**facts, **changes})


@pytest.fixture
def spec(make_project: Callable[..., Project]) -> Any:
    with make_project().load("short") as module:
        return module.build(lambda task, needs: task, Parameters()).pipeline_spec


def test_an_honest_run_has_no_faults(spec: Any) -> None:
    seen = [_seen("decide"), _seen("work")]
    assert container_faults(spec, ["decide", "work"], {"none:0": IMAGE}, seen) == []


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"exit_status": 3}, "the step work ended with exit status 3"),
        ({"exit_status": 137}, "the step work ended with exit status 137 (killed; out of memory?)"),
        (
            {"exit_status": 137, "out_of_memory": True},
            "the step work ended with exit status 137 (out of memory)",
        ),
        ({"exit_status": None}, "the step work has not ended"),
        (
            {"image_id": "sha256:2"},
            "the step work ran in sha256:2, not in none:0 (sha256:1)",
        ),
        ({"user": "0:0"}, "the step work ran as root"),
        ({"user": ""}, "the step work ran as root"),
        (
            {"read_only": False},
            "the step work ran on a root file system that can be written",
        ),
    ],
)
def test_what_the_daemon_tells_goes_before_the_runners_word(
    spec: Any, changes: dict[str, Any], fault: str
) -> None:
    seen = [_seen("decide"), _seen("work", **changes)]
    assert container_faults(spec, ["decide", "work"], {"none:0": IMAGE}, seen) == [fault]


def test_a_step_without_a_container_is_missed(spec: Any) -> None:
    faults = container_faults(spec, ["decide", "work"], {"none:0": IMAGE}, [_seen("decide")])
    assert faults == ["no container of the step work was seen"]


def test_a_container_that_was_gone_at_once_is_told_by_its_image(spec: Any) -> None:
    seen = [_seen("decide"), Seen("none:0", exit_status=127)]
    faults = container_faults(spec, ["decide"], {"none:0": IMAGE}, seen)
    assert faults == ["a container of none:0 ended with exit status 127"]


@pytest.mark.parametrize(
    ("command", "step"),
    [
        (["sh", "--executor_input", '{"outputs": {"outputFile": "/r/p/train/o.json"}}'], "train"),
        (["sh", "--executor_input", "no json"], ""),
        (["sh", "--executor_input"], ""),
        (["sh"], ""),
    ],
)
def test_a_step_is_known_by_its_output_file(command: list[str], step: str) -> None:
    assert step_of(command) == step


class _Daemon:
    """Tells what a daemon would of two containers; the second is gone when it is asked about."""

    api: "_Daemon"

    def __init__(self) -> None:
        self.api = self

    def events(self, **_options: Any) -> Any:
        def event(name: str, action: str, at: int, **more: str) -> dict[str, Any]:
            attributes = {"image": "none:0", **more}
            actor = {"ID": name, "Attributes": attributes}
            return {"Actor": actor, "Action": action, "timeNano": at * 10**9}

        class Stream(list):
            def close(self) -> None:
                pass

        return Stream(
            [
                event("a", "create", 1),
                event("a", "start", 2),
                event("a", "oom", 4),
                event("a", "die", 5, exitCode="137"),
                event("b", "create", 6),
                event("b", "start", 6),
                event("b", "die", 6, exitCode="3"),
            ]
        )

    def inspect_container(self, name: str) -> dict[str, Any]:
        from docker.errors import NotFound

        if name == "b":
            raise NotFound("gone")
        command = ["--executor_input", '{"outputs": {"outputFile": "/r/p/train/o.json"}}']
        return {
            "Config": {"Cmd": command, "User": "10001"},
            "Image": "sha256:1",
            "HostConfig": {"ReadonlyRootfs": True},
        }


def test_a_watch_puts_events_together() -> None:
    watch = Watch(_Daemon(), "run")  # type: ignore[arg-type]
    watch.close()
    first, second = watch.seen
    assert (first.step, first.image_id, first.exit_status) == ("train", "sha256:1", 137)
    assert first.out_of_memory
    assert first.seconds == pytest.approx(3)
    assert (second.step, second.image_id, second.exit_status) == ("", "", 3)


def test_a_step_gets_what_the_secrets_hold_for_it() -> None:
    assert secret_variables(Needs()) == ()
    assert secret_variables(Needs(webhook=True)) == ("RLR_WEBHOOK_URL",)
    assert "AWS_SECRET_ACCESS_KEY" in secret_variables(Needs(data=True))
    assert "MLFLOW_TRACKING_URI" not in secret_variables(Needs(data=True))
    assert "MLFLOW_TRACKING_URI" in secret_variables(Needs(tracking=True))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    return tmp_path


def test_what_is_named_is_shared_and_no_more(here: Path) -> None:
    for name in ("champion", "images", "remote", "unnamed"):
        (here / name).mkdir()
    (here / "labels.csv").touch()
    (here / "weights.safetensors").write_bytes(b"x")
    settings = load_config(
        "tiny",
        [
            "data.root=images",
            "data.remote=remote",
            "data.group_csv=absent.csv",
            "data.labels_csv=labels.csv",
            "data.champion=champion",
            "features.backbone.weights=weights.safetensors",
        ],
    )
    shares = shares_of(settings)
    named = ("champion", "images", "labels.csv", "remote", "weights.safetensors")
    assert shares.readable == tuple(here / name for name in named)
    assert shares.writable == (
        here / ".rlr/versions",
        here / ".rlr/models",
        here / ".rlr/mlflow",
    )
    mounts = {mount["Target"]: mount["ReadOnly"] for mount in shares.mounts()}
    assert mounts[str(here / "images")] is True
    assert mounts[str(here / ".rlr/mlflow")] is False


@pytest.mark.parametrize(
    ("weights", "shared"),
    [("store", True), ("hub", True), ("packaged", False), ("random", False)],
)
def test_the_store_of_weights_is_shared_where_it_may_be_needed(
    here: Path, monkeypatch: pytest.MonkeyPatch, weights: str, shared: bool
) -> None:
    monkeypatch.setenv("RLR_BACKBONES", "weights")
    settings = load_config("tiny", [f"features.backbone.weights={weights}"])
    assert here / "weights" not in shares_of(settings).readable, "it is not there"
    (here / "weights").mkdir()
    assert (here / "weights" in shares_of(settings).readable) is shared


@pytest.mark.parametrize(
    ("overrides", "folders"),
    [
        (["features.disk.folder=rows"], []),
        (["features.cache=disk", "features.disk.folder=rows"], ["rows"]),
        (["features.cache=disk"], []),  # it lies in the cache of data versions, which is shared
    ],
)
def test_the_feature_cache_is_shared_where_there_is_one(
    overrides: list[str], folders: list[str], here: Path
) -> None:
    shared = shares_of(load_config("tiny", overrides)).writable
    plain = shares_of(load_config("tiny")).writable
    assert [path for path in shared if path not in plain] == [here / name for name in folders]


def test_where_new_images_are_imported_the_remote_is_written(here: Path) -> None:
    for name in ("images", "incoming", "remote"):
        (here / name).mkdir()
    (here / "labels.csv").touch()
    given = ["data.root=images", "data.remote=remote", "data.intake.labels_csv=labels.csv"]
    shares = shares_of(load_config("tiny", [*given, "retraining.source=incoming"]))
    assert shares.readable == tuple(here / name for name in ("images", "incoming", "labels.csv"))
    assert here / "remote" in shares.writable
    shares = shares_of(load_config("tiny", [*given, "retraining.source=s3://camera/line-1"]))
    assert shares.readable == tuple(here / name for name in ("images", "labels.csv"))


def test_with_services_nothing_local_is_shared(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setenv("RLR_DATA_REMOTE", "s3://bucket/versions")
    monkeypatch.setenv("RLR_DATA_CACHE", str(here / "cache"))
    shares = shares_of(load_config("tiny", [f"data.version={'0' * 32}.dir"]))
    assert shares.readable == ()
    assert shares.writable == (here / "cache", here / ".rlr/models")


def test_a_database_among_other_things_is_refused(here: Path) -> None:
    """Its folder would be written by containers, and given to their user."""
    (here / "thesis.txt").write_text("dear")
    settings = load_config("tiny", ["registry.tracking_uri=sqlite:///mlflow.db"])
    with pytest.raises(UserError, match=r"mlflow\.db shares its folder with thesis\.txt"):
        local_store(settings)


def test_a_folder_that_cannot_be_made_is_told(here: Path) -> None:
    (here / "file").touch()
    with pytest.raises(MachineError, match="cannot be shared with containers"):
        Shares((), (here / "file" / "cache",)).hand_over(None)


def test_a_daemon_that_is_away_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = f"unix://{here}/no.sock"
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(MachineError, match="does not answer") as error, docker_client():
        pass
    assert str(error.value) == (
        f"The Docker daemon at {address} does not answer (No such file or directory); start it, "
        "or name another with DOCKER_HOST."
    )


def test_images_without_containers_are_refused(rlr: Callable[..., Any], repository: Path) -> None:
    done = rlr("pipeline", "run", "--project", repository, "--image-train", "x:1")
    assert done.status == 2
    assert "--runner docker" in done.stderr
    assert os.linesep not in done.stderr.strip()


@pytest.mark.parametrize(
    ("words", "key"),
    [
        ('could not select device driver "" with capabilities: [[gpu]]', "containers.gpus"),
        ("network nosuch not found", "containers.network"),
        ("no space left on device", "see its log"),
    ],
)
def test_what_the_daemon_refuses_is_told_with_what_to_do(words: str, key: str) -> None:
    from docker.errors import APIError

    with pytest.raises(MachineError, match=key) as error, daemon_explained():
        raise APIError("500 Server Error", explanation=words)
    assert words in str(error.value)
