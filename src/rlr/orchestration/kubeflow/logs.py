"""Logs of the steps: from Kubeflow's server, or else from Kubernetes itself.

Kubeflow's server hands out the log of a pod, while the pod is there or where the cluster archives
logs. Where it does not, and this machine knows the cluster, Kubernetes is asked.
"""

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rlr.foundation.errors import MachineError, RlrError, UserError
from rlr.orchestration.kubeflow.connection import Kubeflow
from rlr.orchestration.kubeflow.failures import quiet
from rlr.orchestration.kubeflow.run import FAILED, Run, Step
from rlr.orchestration.kubeflow.runs import find_run

if TYPE_CHECKING:
    from kubernetes.client import CoreV1Api

CONTAINER = "main"  # of the pod of a step
ASK_SECONDS = (5.0, 30.0)  # to connect to Kubernetes, and to be answered
# The last line of a traceback: the name of the error, and its words.
SENTENCE = re.compile(r"(?:[\w.]+\.)?\w*(?:Error|Exception|Exit): (?P<words>.+)")


def steps_of(run: Run, name: str | None) -> list[Step]:
    """Return the steps of a run, or the one that is named.

    Raises:
        UserError: The run has no such step so far.
    """
    found = [step for step in run.steps if name in (None, step.name)]
    if name and not found:
        known = ", ".join(step.name for step in run.steps) or "none"
        raise UserError(f"The run {run.run_id} has no step {name} so far; its steps: {known}.")
    return found


def read_log(kubeflow: Kubeflow, run_id: str, pod: str) -> str:
    """Return the log of a pod.

    Args:
        kubeflow: Where the run is.
        run_id: The run.
        pod: Name of the pod.

    Raises:
        MachineError: Neither Kubeflow nor Kubernetes gives it; the sentence says where it is.
    """
    try:
        with kubeflow.asked_to("show the log") as client:
            return client.read_log(run_id, pod)
    except RlrError as error:
        namespace = kubeflow.namespace_of_pods
        log = _from_kubernetes(namespace, run_id, pod)
        if log is None:
            raise MachineError(
                f"The log of the pod {pod} is not to be had: {str(error).rstrip('.')}; nor does "
                "Kubernetes show it from here. Try "
                f"`kubectl logs -n {namespace} {pod} -c {CONTAINER}`."
            ) from error
        return log


def follow_logs(
    kubeflow: Kubeflow, run_id: str, name: str | None = None, every: float = 3.0
) -> Iterator[tuple[str, str]]:
    """Yield what the steps say, as they say it, until the run is over.

    Args:
        kubeflow: Where the run is.
        run_id: The run.
        name: A step; None: all.
        every: Seconds between two questions.

    Yields:
        Name of a step, and a line of its log.
    """
    tails: dict[str, _Tail] = {}
    while True:
        run = find_run(kubeflow, run_id)
        for step in run.steps:
            if name not in (None, step.name):
                continue
            for pod in step.pods:
                tail = tails.setdefault(pod, _Tail())
                for line in tail.new_lines(_log_so_far(kubeflow, run_id, pod), run.is_over):
                    yield step.name, line
        if run.is_over:
            steps_of(run, name)  # a wrong name is told
            return
        time.sleep(every)


def failure_sentence(kubeflow: Kubeflow, run: Run) -> str:
    """Return why a run has failed: the words of the step itself where its log can be had.

    Args:
        kubeflow: Where the run is.
        run: A run that is over.
    """
    failed = [step for step in run.steps if step.state == FAILED]
    if not failed:
        return run.message or "Kubeflow says no more"
    step = failed[0]
    words = step.message or run.message or "Kubeflow says no more"
    if step.pods:
        log = _log_so_far(kubeflow, run.run_id, step.pods[-1])
        words = _last_sentence(log) or words
    return f"the step {step.name} failed: {words.rstrip('.')}"


class _Tail:
    """Remembers how much of a log was told."""

    def __init__(self) -> None:
        self._told = 0

    def new_lines(self, log: str, is_over: bool) -> list[str]:
        """Return the whole lines that are new; at the end the last one counts as whole."""
        end = len(log) if is_over else log.rfind("\n") + 1
        new = log[self._told : end]
        self._told = max(self._told, end)
        return new.splitlines()


def _log_so_far(kubeflow: Kubeflow, run_id: str, pod: str) -> str:
    """Return a log, or nothing where it cannot be had: a pod may not have begun, or be gone."""
    try:
        return read_log(kubeflow, run_id, pod)
    except MachineError:
        return ""


def _last_sentence(log: str) -> str | None:
    for line in reversed(log.splitlines()):
        found = SENTENCE.fullmatch(line.strip())
        if found:
            return found["words"]
    return None


def _from_kubernetes(namespace: str, run_id: str, pod: str) -> str | None:
    """Return a pod's log as Kubernetes has it; None: no cluster is known, or it has none."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    with quiet(), _cluster() as core:
        if core is None:
            return None
        try:
            owned = core.list_namespaced_pod(
                namespace, label_selector=f"pipeline/runid={run_id}", _request_timeout=ASK_SECONDS
            )
            if pod not in {entry.metadata.name for entry in owned.items}:
                return None
            return str(
                core.read_namespaced_pod_log(
                    pod, namespace, container=CONTAINER, _request_timeout=ASK_SECONDS
                )
            )
        except (ApiException, HTTPError):
            return None


@contextmanager
def _cluster() -> Iterator["CoreV1Api | None"]:
    """Yield Kubernetes as the kubeconfig or the pod knows it, or None."""
    from kubernetes import client, config

    try:
        config.load_kube_config(os.environ.get("KUBECONFIG"))
    except config.ConfigException:
        try:
            config.load_incluster_config()
        except config.ConfigException:
            yield None
            return
    settings = client.Configuration.get_default_copy()
    settings.retries = False
    with client.ApiClient(settings) as api:
        yield client.CoreV1Api(api)
