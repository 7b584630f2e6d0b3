"""The audit of a run, on what a runner that lies would leave behind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlr.orchestration.cluster import on_this_machine
from rlr.orchestration.outputs import missing_outputs, read_outputs
from rlr.orchestration.parameters import Parameters
from rlr.orchestration.project import Project


@pytest.fixture
def spec(make_project: Callable[..., Project]) -> Any:
    with make_project().load("short") as module:
        return module.build(on_this_machine, Parameters()).pipeline_spec


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """What an honest run of the branch `fit` leaves."""
    root = tmp_path / "root"
    for name in ("work", "tell"):
        _leave(root, name)
    _leave(root, "decide", "note")
    return root


def _leave(root: Path, step: str, *artifacts: str) -> Path:
    folder = root / "run" / step
    folder.mkdir(parents=True)
    document: dict[str, Any] = {"parameterValues": {"Output": step}, "artifacts": {}}
    for label in artifacts:
        (folder / label).write_text("here")
        document["artifacts"][label] = {"artifacts": [{"uri": str(folder / label)}]}
    (folder / "executor_output.json").write_text(json.dumps(document))
    return folder


def test_an_honest_run_lacks_nothing(spec: Any, root: Path) -> None:
    assert missing_outputs(spec, root) == []
    outputs = read_outputs(root)
    assert outputs["decide"].artifacts == {"note": root / "run" / "decide" / "note"}
    assert outputs["work"].parameters == {"Output": "work"}


def test_both_sides_are_one_too_many(spec: Any, root: Path) -> None:
    _leave(root, "refuse")
    assert missing_outputs(spec, root) == ["2 sides of 'fit / unfit' ran instead of one"]


def test_no_side_is_one_too_few(spec: Any, root: Path) -> None:
    (root / "run" / "work" / "executor_output.json").unlink()
    assert missing_outputs(spec, root) == ["0 sides of 'fit / unfit' ran instead of one"]


@pytest.mark.parametrize("step", ["decide", "tell"])
def test_a_step_that_did_not_run_is_missed(spec: Any, root: Path, step: str) -> None:
    (root / "run" / step / "executor_output.json").unlink()
    assert missing_outputs(spec, root) == [f"the step {step} did not run to its end"]


@pytest.mark.parametrize("left", ["nothing", "an empty file", "an empty folder"])
def test_an_artifact_without_content_is_missed(spec: Any, root: Path, left: str) -> None:
    note = root / "run" / "decide" / "note"
    note.unlink()
    if left == "an empty file":
        note.touch()
    elif left == "an empty folder":
        note.mkdir()
    assert missing_outputs(spec, root) == ["the step decide left no note"]


LONE = """\
            decided = decide(overrides=["yes"])
            with dsl.If(decided.outputs["Output"] == True, name="wanted"):
                work(note=decided.outputs["note"])
"""


@pytest.mark.parametrize(
    ("decided", "worked", "faults"),
    [
        (True, True, []),
        (False, False, []),
        (True, False, ["the part 'wanted' did not run"]),
        (False, True, ["the part 'wanted' ran although its condition does not hold"]),
    ],
)
def test_what_stands_under_an_if_runs_where_it_holds_and_only_there(
    make_project: Callable[..., Project],
    tmp_path: Path,
    decided: bool,
    worked: bool,
    faults: list[str],
) -> None:
    with make_project(body=LONE).load("short") as module:
        spec = module.build(on_this_machine, Parameters()).pipeline_spec
    root = tmp_path / "root"
    _leave(root, "tell")
    output = _leave(root, "decide", "note") / "executor_output.json"
    document = json.loads(output.read_text())
    output.write_text(json.dumps({**document, "parameterValues": {"Output": decided}}))
    if worked:
        _leave(root, "work")
    assert missing_outputs(spec, root) == faults
