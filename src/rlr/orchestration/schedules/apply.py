"""From the plan to the cluster, one safe step after the other."""

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from rlr.foundation.errors import MachineError
from rlr.orchestration.kubeflow import recurring, versions
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.schedules.plan import Action, Entry, Found, Step, make_plan, next_steps, ours
from rlr.orchestration.schedules.wanted import Wanted

# Make, disable the others, enable, delete, look again; twice, where somebody else applies, too.
ROUNDS = 10
WORDS = {
    Action.MAKE: "made, not enabled yet",
    Action.DISABLE: "disabled",
    Action.ENABLE: "enabled",
    Action.DELETE: "deleted",
}

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Applied:
    """What `apply` has done, and the plan as it is afterwards.

    Attributes:
        steps: What was done, in this order.
        entries: The plan now; what is pending still waits for runs in flight.
    """

    steps: tuple[Step, ...]
    entries: tuple[Entry, ...]


def look(kubeflow: Kubeflow, wanted: Sequence[Wanted], prune: bool = False) -> list[Entry]:
    """Return the plan against what a cluster has now.

    Args:
        kubeflow: The cluster.
        wanted: What it should have.
        prune: Whether what is not in the file any more goes, too.
    """
    found = ours(recurring.list_recurring_runs(kubeflow))
    entries = make_plan(wanted, found, datetime.now(UTC), prune)
    return [_with_runs(kubeflow, entry) for entry in entries]


def apply(
    kubeflow: Kubeflow, wanted: Sequence[Wanted], prune: bool = False, settle: float = 5.0
) -> Applied:
    """Bring a cluster to what is wanted.

    The cluster is looked at anew after each round, so what somebody else does meanwhile, or what a
    killed `apply` has left, is seen and put right.

    Args:
        kubeflow: The cluster.
        wanted: What it should have.
        prune: Whether what is not in the file any more goes, too.
        settle: Seconds between disabling a recurring run and counting its runs: one may just have
            been started.

    Raises:
        UserError: Kubeflow refuses something.
        MachineError: Kubeflow failed or was lost, or somebody else undoes what is done.
    """
    by_name = {one.name: one for one in wanted}
    done: list[Step] = []
    fresh = False  # whether something was disabled just now
    for _ in range(ROUNDS):
        entries = look(kubeflow, wanted, prune)
        steps = [step for entry in entries for step in next_steps(entry)]
        if not steps:
            return Applied(tuple(done), tuple(entries))
        if fresh and all(step.action is Action.DELETE for step in steps):
            time.sleep(settle)
            fresh = False
            continue
        for step in steps:
            if step.action is Action.DELETE and fresh:
                continue  # in a later round, when its runs are counted again
            _do(kubeflow, step, by_name)
            done.append(step)
            fresh = fresh or step.action is Action.DISABLE
    raise MachineError(
        "The schedules do not come to rest: somebody else applies another file to "
        f"{kubeflow.address}; agree on one, and apply it again."
    )


def _do(kubeflow: Kubeflow, step: Step, wanted: Mapping[str, Wanted]) -> None:
    if step.run is None:
        _make(kubeflow, wanted[step.schedule])
    elif step.action is Action.DELETE:
        recurring.delete(kubeflow, step.run)
    else:
        recurring.switch(kubeflow, step.run, on=step.action is Action.ENABLE)
    where = f" ({step.run.id})" if step.run else ""
    logger.info("%s: recurring run%s %s", step.schedule, where, WORDS[step.action])


def _make(kubeflow: Kubeflow, wanted: Wanted) -> None:
    version = versions.upload(kubeflow, wanted.title, wanted.compiled, wanted.summary)
    recurring.make_disabled(
        kubeflow, wanted.display_name, wanted.description, version, wanted.order
    )


def _with_runs(kubeflow: Kubeflow, entry: Entry) -> Entry:
    counted = tuple(replace(one, in_flight=_in_flight(kubeflow, one)) for one in entry.retired)
    return replace(entry, retired=counted)


def _in_flight(kubeflow: Kubeflow, one: Found) -> int:
    return sum(not run.is_over for run in recurring.runs_of(kubeflow, one.run.id))
