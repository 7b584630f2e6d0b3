"""What becomes of a run in containers whose steps end badly, or whose runner lies."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from e2e.conftest import Place, containers_of

from rlr.foundation.errors import MachineError, RlrError
from rlr.orchestration.containers import Containers
from rlr.orchestration.local import LocalRun, run_pipeline
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project

pytestmark = pytest.mark.e2e

PIPELINE = '''"""A pipeline for a test: two steps, and one that tells."""

from kfp import dsl

from rlr.orchestration.cluster import Needs


def step(function):
    return dsl.component(
        base_image="none:0", packages_to_install=[], install_kfp_package=False
    )(function)


@step
def work(note: dsl.Output[dsl.Dataset]) -> str:
    import atexit, os, signal, time

    names = ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "RLR_WEBHOOK_URL", "UNRELATED")
    open(note.path, "w").write("here")
    BODY
    return ",".join(name for name in names if name in os.environ)


@step
def after(word: str) -> str:
    return word


@step
def tell(status: dsl.PipelineTaskFinalStatus) -> str:
    return status.state


def build(prepare, defaults):
    @dsl.pipeline(name="test")
    def pipeline(
        data_version: str = "", config: str = "tiny", overrides: list[str] = [], seed: int = -1
    ):
        told = tell()
        prepare(told, Needs(webhook=True))
        with dsl.ExitHandler(told):
            worked = work()
            prepare(worked, Needs(data=True))
            prepare(after(word=worked.outputs["Output"]), Needs())
    return pipeline
'''


@pytest.fixture
def run(
    tmp_path: Path, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., LocalRun]:
    """Return a function that runs a pipeline whose first step has a body."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")

    def run(body: str = "pass", image: str = images["pipeline"], **changes: Any) -> LocalRun:
        project = make_project(tmp_path, body)
        parameters = Parameters("tiny").at_home()
        place = Containers(parameters.resolve(), project, image, image)
        for name, value in changes.items():
            setattr(place, name, value(getattr(place, name)))
        return run_pipeline(project, "short", parameters, tmp_path / "run", place)

    return run


def make_project(folder: Path, body: str) -> Project:
    pipelines = folder / "project" / "pipelines"
    pipelines.mkdir(parents=True)
    (pipelines / "short.py").write_text(PIPELINE.replace("BODY", body))
    return Project(pipelines.parent)


def left(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.rglob("executor_output.json")}


def test_a_step_gets_the_variables_of_its_secrets_and_no_others(
    run: Callable[..., LocalRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = "s3cr3t-{{$.x}}-$HOME-\"'-%s"
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", odd)
    for name in ("MLFLOW_TRACKING_PASSWORD", "RLR_WEBHOOK_URL", "UNRELATED"):
        monkeypatch.setenv(name, "s3cr3t")
    body = f"assert os.environ['AWS_SECRET_ACCESS_KEY'] == {odd[::-1]!r}[::-1]"
    made = run(body)
    assert made.steps["after"].parameters == {"Output": "AWS_SECRET_ACCESS_KEY"}
    assert "s3cr3t" not in "".join(
        path.read_text() for path in tmp_path.joinpath("run").rglob("*") if path.is_file()
    )


def test_the_root_is_read_only_and_tmp_is_not(run: Callable[..., LocalRun]) -> None:
    body = (
        "open('/tmp/x', 'w').write('x'); "
        "assert os.getuid() != 0; assert not os.access('/opt', os.W_OK); "
        "assert 'CapEff:\\t0000000000000000' in open('/proc/self/status').read(); "
        "assert 'NoNewPrivs:\\t1' in open('/proc/self/status').read()"
    )
    assert sorted(run(body).steps) == ["after", "tell", "work"]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", r"^The step work ended with exit status 137"),
        ("os._exit(3)", r"^The step work ended with exit status 3;"),
        ("os._exit(0)", r"^The step work ended with exit status 0 before it was done"),
        ("1 / 0", r"^The step work ended with exit status 1"),
    ],
    ids=["killed", "status 3", "vanished", "crashed"],
)
def test_a_step_that_ends_badly_fails_the_run(
    run: Callable[..., LocalRun], tmp_path: Path, body: str, sentence: str
) -> None:
    with pytest.raises(MachineError, match=sentence) as error:
        run(body)
    assert str(tmp_path / "run" / "log.txt") in str(error.value)
    assert not left(tmp_path / "run") & {"work", "after"}


def test_a_step_that_ends_at_once_fails_the_run(
    run: Callable[..., LocalRun], tmp_path: Path, images: dict[str, str], docker: Any
) -> None:
    """Its container is gone before the runner looks, which it may take for a success."""
    container = docker("create", images["pipeline"], "true").stdout.strip()
    docker("commit", "--change", "ENV PATH=/usr/bin", container, "rlr-test-bare:1")
    docker("rm", container)
    try:
        with pytest.raises(MachineError, match="ended with exit status 1"):
            run(image="rlr-test-bare:1")
    finally:
        docker("image", "rm", "rlr-test-bare:1")
    assert left(tmp_path / "run") == set()


def test_a_runner_that_calls_a_failure_a_success_is_not_believed(
    run: Callable[..., LocalRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp.local import docker_task_handler

    honest = docker_task_handler.run_docker_container
    monkeypatch.setattr(docker_task_handler, "run_docker_container", lambda **a: honest(**a) * 0)
    with pytest.raises(MachineError, match="reported success, but the step work ended with exit"):
        run("atexit.register(os._exit, 3)")
    assert left(tmp_path / "run") == {"work", "after", "tell"}


def test_a_step_in_another_image_is_not_believed(run: Callable[..., LocalRun]) -> None:
    with pytest.raises(MachineError, match=r"the step work ran in sha256:\w+, not in .*sha256:0"):
        run(heavy=lambda image: replace(image, id="sha256:0"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_no_container(
    tmp_path: Path, images: dict[str, str], docker: Any, number: int
) -> None:
    project = make_project(tmp_path, "time.sleep(300)")
    words = ("-m", "rlr", "pipeline", "run", "short", "--config", "tiny", "--runner", "docker")
    options = ("--image-pipeline", images["pipeline"], "--image-train", images["pipeline"])
    place = Place(tmp_path, {})
    process = place.begin(*words, *options, "--project", project.root)
    try:
        running = ("ps", "--quiet", "--filter", "label=dev.rlr.run")
        wait(lambda: docker(*running).stdout and list(tmp_path.rglob("note")))
        process.send_signal(number)
        process.communicate(timeout=30)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert docker("ps", "--all", "--quiet", "--filter", "label=dev.rlr.run").stdout == ""
    assert left(place.last_run()) == set()
    assert containers_of(place.last_run())["work"]["exit_status"] == 137


def test_another_user_than_root_owns_what_the_steps_leave(
    tmp_path: Path, images: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    monkeypatch.setattr(os, "getegid", lambda: 12346)
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    folder = tmp_path / "run"
    folder.mkdir()
    os.chown(folder, 12345, 12346)
    project = make_project(tmp_path, "assert (os.getuid(), os.getgid()) == (12345, 12346)")
    parameters = Parameters("tiny").at_home()
    place = Containers(parameters.resolve(), project, images["pipeline"], images["pipeline"])
    run_pipeline(project, "short", parameters, folder, place)
    note = next(folder.rglob("note"))
    assert (note.stat().st_uid, note.stat().st_gid) == (12345, 12346)


def test_a_daemon_that_is_away_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RlrError, match="does not answer"):
        Containers(Parameters("tiny").resolve(), make_project(tmp_path, "pass"))


def wait(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise subprocess.TimeoutExpired("wait", seconds)
        time.sleep(0.2)
