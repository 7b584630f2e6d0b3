"""The course of a run, as a test has written it down, in the shape in which Kubeflow tells it.

The real engine makes two pods a step and a task of every branch; so do these details.
"""

import zlib
from dataclasses import dataclass, field
from typing import Any

from kfp.pipeline_spec.pipeline_spec_pb2 import ComponentSpec, PipelineSpec

START = "2026-01-02T03:04:05+00:00"
END = "2026-01-02T03:05:06+00:00"
NOT_YET = "1970-01-01T00:00:00Z"  # the real server, too, writes this for a time that is to come


@dataclass(frozen=True)
class Course:
    """How runs go.

    Attributes:
        fails: Step that fails; None: all succeed.
        message: What the engine says of the failure.
        cancelled_after: Step after which somebody cancels the run.
        stops_at: Step that never ends.
        cached: Steps whose results are taken from the cache.
        retried: Steps that need a second try.
        logs: What a step's pod has said, by the step's name.
        ids: Whether child tasks go by the engine's older names.
    """

    fails: str | None = None
    message: str = "main: Error (exit code 1)"
    cancelled_after: str | None = None
    stops_at: str | None = None
    cached: tuple[str, ...] = ()
    retried: tuple[str, ...] = ()
    logs: dict[str, str] = field(default_factory=dict)
    ids: bool = False


@dataclass(frozen=True)
class Frame:
    """A moment of a run: its state, and that of each step that has begun."""

    state: str | None
    steps: dict[str, str]


def frames(spec: PipelineSpec, course: Course) -> list[Frame]:
    """Return the moments of a run, first to last."""
    moments = [Frame("PENDING", {}), Frame("RUNNING", {})]
    steps: dict[str, str] = {}
    for name in leaves(spec, spec.root):
        steps = {**steps, name: "RUNNING"}
        moments.append(Frame("RUNNING", steps))
        if course.stops_at == name:
            return moments
        steps = {**steps, name: "FAILED" if course.fails == name else "SUCCEEDED"}
        if course.fails == name:
            return [*moments, Frame("RUNNING", steps), Frame("FAILED", steps)]
        if course.cancelled_after == name:
            return [*moments, Frame("CANCELING", steps), Frame("CANCELED", steps)]
    return [*moments, Frame("SUCCEEDED", steps)]


def leaves(spec: PipelineSpec, component: ComponentSpec) -> list[str]:
    """Return the steps of a pipeline in an order in which they may run; the first side of Ifs."""
    waiting = dict(component.dag.tasks)
    found: list[str] = []
    done: set[str] = set()
    seen_branch = False
    while waiting:
        ready = [name for name, task in waiting.items() if set(task.dependent_tasks) <= done]
        name = min(ready, key=_natural)
        task = waiting.pop(name)
        done.add(name)
        if task.trigger_policy.condition:
            if seen_branch:
                continue
            seen_branch = True
        inner = spec.components[task.component_ref.name]
        found += leaves(spec, inner) if inner.HasField("dag") else [task.task_info.name]
    return found


def _natural(name: str) -> tuple[str, int]:
    head, _, number = name.rpartition("-")
    return (head, int(number)) if number.isdigit() else (name, 0)


def details(run_id: str, workflow: str, frame: Frame, course: Course) -> list[dict[str, Any]]:
    """Return the task details of a moment."""
    root = _task(run_id, workflow, "root", frame.state or "PENDING", template="root")
    driver = _task(run_id, workflow, "root-driver", "SUCCEEDED")
    driver["child_tasks"] = [_child(workflow, root, course)]
    made = [driver, root]
    for name, state in frame.steps.items():
        driver = _task(run_id, workflow, f"{name}-driver", "SUCCEEDED", "system-dag-driver")
        made.append(driver)
        if name in course.cached:
            made.append(_task(run_id, workflow, name, state))
            continue
        made += _step(run_id, workflow, name, state, course)
    return made


def pod_of(workflow: str, step: str, attempt: int | None = None) -> str:
    """Return the name of a step's pod."""
    name = f"{step}.executor" if attempt is None else f"{step}.executor({attempt})"
    return _pod(workflow, name, "system-container-impl")


def _step(
    run_id: str, workflow: str, name: str, state: str, course: Course
) -> list[dict[str, Any]]:
    tries = [0, 1] if name in course.retried else [None]
    executors = []
    for attempt in tries:
        last = attempt == tries[-1]
        label = "executor" if attempt is None else f"executor({attempt})"
        entry = _task(run_id, workflow, label, state if last else "FAILED")
        entry["pod_name"] = pod_of(workflow, name, attempt)
        if not last or state == "FAILED":
            entry["error"] = {"code": 2, "message": course.message}
        executors.append(entry)
    children = executors
    if tries[0] is not None:
        above = _task(run_id, workflow, "executor", state)
        above["pod_name"] = _pod(workflow, f"{name}.executor", "retry")
        above["child_tasks"] = [_child(workflow, entry, course) for entry in executors]
        executors, children = [above, *executors], [above]
    task = _task(run_id, workflow, name, state)
    task["child_tasks"] = [_child(workflow, entry, course) for entry in children]
    return [task, *executors]


def _child(workflow: str, entry: dict[str, Any], course: Course) -> dict[str, str]:
    pod = entry["pod_name"]
    return {"pod_name": f"{workflow}-{pod.rpartition('-')[2]}" if course.ids else pod}


def _task(
    run_id: str, workflow: str, name: str, state: str, template: str = "system-container"
) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "task_id": f"{run_id}-{name}",
        "display_name": name,
        "create_time": START,
        "start_time": START,
        "end_time": NOT_YET if state == "RUNNING" else END,
        "state": state,
        "state_history": [{"update_time": START, "state": state}],
        "pod_name": _pod(workflow, name, template),
    }


def _pod(workflow: str, name: str, template: str) -> str:
    return f"{workflow}-{template}-{zlib.crc32(name.encode())}"
