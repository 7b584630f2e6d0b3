"""A run as Kubeflow tells of it, and its steps found among all that the engine made of them.

The engine runs two pods a step: a driver, which looks at inputs and cache, and an executor, which
is the step. Both, and each branch of a condition, are tasks to Kubeflow; to people the steps are.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
STATES = ("PENDING", "RUNNING", "PAUSED", "CANCELING", "CANCELED", "FAILED", "SKIPPED", "SUCCEEDED")
ENDS = ("SUCCEEDED", "FAILED", "SKIPPED", "CANCELED")
UNKNOWN = "PENDING"  # before the engine has seen it, there is no state

DRIVER = "-driver"
ROOT = "root"  # the pipeline itself
EXECUTOR = "executor"  # a retried one is called executor(0), executor(1)


@dataclass(frozen=True)
class Step:
    """A step of a run.

    Attributes:
        name: Name of the task.
        state: State, as Kubeflow calls it.
        started: When it began, ISO 8601; None: not yet.
        finished: When it ended; None: not yet.
        pods: Pods that it ran in, one a try; none where a cached result was taken.
        message: What the engine says of a failure.
    """

    name: str
    state: str
    started: str | None
    finished: str | None
    pods: tuple[str, ...]
    message: str | None


@dataclass(frozen=True)
class Run:
    """A run.

    Attributes:
        run_id: Its id.
        name: Its name.
        state: State, as Kubeflow calls it.
        experiment_id: Id of its experiment.
        created: When it was started, ISO 8601.
        finished: When it ended; None: not yet.
        message: What Kubeflow says of a failure.
        steps: Its steps, in the order of their beginning; none in a list of runs.
    """

    run_id: str
    name: str
    state: str
    experiment_id: str
    created: str | None
    finished: str | None
    message: str | None
    steps: tuple[Step, ...]

    @property
    def is_over(self) -> bool:
        """Whether the state will not change any more."""
        return self.state in ENDS

    def as_document(self) -> dict[str, Any]:
        """Return the run for `--json`."""
        return asdict(self)


def read_run(answer: Any) -> Run:
    """Make a run of Kubeflow's answer.

    Args:
        answer: A V2beta1Run.
    """
    over = answer.state in ENDS
    return Run(
        str(answer.run_id),
        str(answer.display_name),
        answer.state or UNKNOWN,
        str(answer.experiment_id),
        _time(answer.created_at),
        _time(answer.finished_at) if over else None,
        _message(answer),
        tuple(_steps(answer)),
    )


def _steps(answer: Any) -> Iterator[Step]:
    details = (answer.run_details and answer.run_details.task_details) or []
    nodes = {_node(detail.pod_name): detail for detail in details if detail.pod_name}
    for detail in sorted(details, key=_beginning):
        tries = list(_executors(detail, nodes))
        pods = tuple(str(one.pod_name) for one in tries)
        name = str(detail.display_name)
        if name.startswith(EXECUTOR) or not (pods or _was_cached(detail, details)):
            continue
        message = _message(detail) or next(
            (words for one in reversed(tries) if (words := _message(one))), None
        )
        over = detail.state in ENDS
        yield Step(
            name,
            detail.state or UNKNOWN,
            _time(detail.start_time),
            _time(detail.end_time) if over else None,
            pods,
            message,
        )


def _executors(detail: Any, nodes: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the tasks in which a step really ran; a retried one has its tries beneath it."""
    for child in detail.child_tasks or []:
        found = nodes.get(_node(child.pod_name))
        if found is not None and str(found.display_name).startswith(EXECUTOR):
            tries = list(_executors(found, nodes))
            yield from tries or [found]


def _node(pod: str | None) -> str:
    """Return the engine's own name of a pod: its last part, whatever stands before it."""
    return (pod or "").rpartition("-")[2]


def _was_cached(detail: Any, details: list[Any]) -> bool:
    """Return whether a step has a driver and no executor: it took an older result, or waits."""
    if detail.child_tasks or detail.display_name == ROOT:
        return False
    return any(other.display_name == f"{detail.display_name}{DRIVER}" for other in details)


def _beginning(detail: Any) -> tuple[str, str]:
    return _time(detail.start_time or detail.create_time) or "", str(detail.display_name)


def _message(answer: Any) -> str | None:
    words = answer.error.message if answer.error else None
    return " ".join(words.split()) if words else None


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
