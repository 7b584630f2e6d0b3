"""The local runner: what ran is proven by what it left, and a failure is one sentence."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rlr.foundation.errors import MachineError, UserError
from rlr.foundation.threads import BRIEFLY, CHOICES, SPINS
from rlr.orchestration.local import run_pipeline
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project
from rlr.orchestration.reporting import FAILURE_FILE

YES = Parameters("tiny", ("name=yes",))
MakeProject = Callable[..., Project]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def _component(name: str, body: str) -> str:
    return f"@step\ndef {name}():\n    {body}\n"


def test_one_branch_runs_and_leaves_its_outputs(make_project: MakeProject, folder: Path) -> None:
    project = make_project(fit=True)
    run = run_pipeline(project, "short", YES, folder)
    assert sorted(run.steps) == ["decide", "tell", "work"]
    assert run.steps["decide"].artifacts["note"].read_text() == "here"
    assert run.steps["work"].parameters == {"Output": "here"}
    assert run.steps["tell"].parameters == {"Output": "SUCCEEDED"}
    assert run.seconds > 0
    assert (folder / "log.txt").stat().st_size > 0


def test_threads_of_a_step_wait_briefly(
    make_project: MakeProject, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in CHOICES:
        monkeypatch.delenv(name, raising=False)
    ask = "def ask() -> str:\n    import os\n\n    return os.environ['GOMP_SPINCOUNT']\n"
    project = make_project(body="            ask()\n", more=f"@step\n{ask}")
    run = run_pipeline(project, "short", YES, folder)
    assert run.steps["ask"].parameters == {"Output": BRIEFLY}
    assert SPINS not in os.environ


def test_the_sentence_of_the_step_that_refused_is_the_error(
    make_project: MakeProject, folder: Path
) -> None:
    project = make_project(fit=False)
    with pytest.raises(UserError, match=r"^Image bad\.png is black; replace it\.$"):
        run_pipeline(project, "short", YES, folder)
    ran = {path.parent.name for path in folder.rglob("executor_output.json")}
    assert ran == {"decide", "tell"}
    assert "FAILED" in next(folder.rglob("tell/executor_output.json")).read_text()
    assert FAILURE_FILE not in os.environ


def test_a_crash_is_told_with_the_place_of_the_log(make_project: MakeProject, folder: Path) -> None:
    crash = _component("crash", "raise ZeroDivisionError('by zero')")
    project = make_project(body="            crash()\n", more=crash)
    with pytest.raises(MachineError, match="crashed or was killed") as error:
        run_pipeline(project, "short", YES, folder)
    assert str(folder / "log.txt") in str(error.value)
    assert "ZeroDivisionError" in (folder / "log.txt").read_text()


def test_a_killed_step_fails_the_run(make_project: MakeProject, folder: Path) -> None:
    die = _component("die", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    project = make_project(body="            die()\n", more=die)
    with pytest.raises(MachineError, match="crashed or was killed"):
        run_pipeline(project, "short", YES, folder)


def test_a_step_that_left_nothing_fails_the_run(make_project: MakeProject, folder: Path) -> None:
    """An exit status of 0 is what the runner calls success."""
    vanish = _component("vanish", "import os; os._exit(0)")
    project = make_project(body="            vanish()\n", more=vanish)
    with pytest.raises(MachineError, match="the step vanish did not run to its end"):
        run_pipeline(project, "short", YES, folder)


def test_a_refusal_that_the_runner_took_for_a_success_is_told(
    make_project: MakeProject, folder: Path
) -> None:
    """Kubeflow's runner knows no status of a container that was gone before it looked."""
    body = """import os
    from rlr.orchestration import steps
    try:
        steps.reject_data("Image bad.png is black; replace it.")
    finally:
        os._exit(0)"""
    project = make_project(body="            refused()\n", more=_component("refused", body))
    with pytest.raises(UserError, match=r"^Image bad\.png is black; replace it\.$"):
        run_pipeline(project, "short", YES, folder)


def test_an_artifact_that_is_not_there_fails_the_run(
    make_project: MakeProject, folder: Path
) -> None:
    forget = "@step\ndef forget(page: dsl.Output[dsl.HTML]):\n    pass\n"
    project = make_project(body="            forget()\n", more=forget)
    with pytest.raises(MachineError, match="the step forget left no page"):
        run_pipeline(project, "short", YES, folder)


def test_a_wrong_configuration_starts_nothing(make_project: MakeProject, folder: Path) -> None:
    with pytest.raises(UserError, match="epoch"):
        run_pipeline(make_project(), "short", Parameters("tiny", ("training.epoch=1",)), folder)
    assert not folder.exists()


def test_an_unknown_pipeline_is_told(make_project: MakeProject, folder: Path) -> None:
    with pytest.raises(UserError, match="has no pipeline 'long'; it has short"):
        run_pipeline(make_project(), "long", YES, folder)


def test_only_the_steps_own_lines_are_shown(
    make_project: MakeProject, folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    project = make_project(fit=False)
    with pytest.raises(UserError):
        run_pipeline(project, "short", YES, folder)
    out, err = capfd.readouterr()
    assert out == ""
    assert [line.partition(" ")[2] for line in err.splitlines()] == ["reject_data: started"]
    assert "executor_input" in (folder / "log.txt").read_text()
