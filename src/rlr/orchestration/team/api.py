"""The cluster's API, as far as TrainJobs go: make, look, remove."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rlr.foundation.errors import MachineError
from rlr.orchestration.team.job import API_VERSION, GROUP, PLURAL, VERSION

OWN_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
REQUEST_SECONDS = 30.0
FORBIDDEN = (401, 403)
GONE = 404


class TrainJobs:
    """The TrainJobs of the namespace that this process lives in.

    In a pod that is the pod's own; elsewhere, that of the context in the kubeconfig.

    Raises:
        MachineError: There is no cluster to talk to.
    """

    def __init__(self) -> None:
        from kubernetes import client, config

        try:
            if OWN_NAMESPACE.is_file():
                config.load_incluster_config()
            else:
                config.load_kube_config(_kubeconfig())
        except config.ConfigException as error:
            raise MachineError(
                "There is neither a pod's token nor a kubeconfig: no cluster is known here "
                f"({' '.join(str(error).split())})."
            ) from error
        self.namespace = _namespace()
        self._api = client.CustomObjectsApi()

    def create(self, job: Mapping[str, Any]) -> None:
        """Make a TrainJob."""
        with _explained(f"TrainJob {job['metadata']['name']} was not made"):
            self._api.create_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, job, _request_timeout=REQUEST_SECONDS
            )

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a TrainJob, or None where there is none of that name."""
        with _explained(f"TrainJob {name} cannot be looked at"):
            return self._found(name)

    def delete(self, name: str, timeout: float = 300.0, poll: float = 1.0) -> None:
        """Remove a TrainJob, and wait until its pods are gone; none of that name is fine.

        Args:
            name: Its name.
            timeout: Seconds to wait: pods are given time to end.
            poll: Seconds between two looks.

        Raises:
            MachineError: It is still there.
        """
        from kubernetes.client import ApiException

        with _explained(f"TrainJob {name} was not removed"):
            try:
                # In the foreground: the job itself stays until all that it made is gone.
                self._api.delete_namespaced_custom_object(
                    GROUP,
                    VERSION,
                    self.namespace,
                    PLURAL,
                    name,
                    propagation_policy="Foreground",
                    _request_timeout=REQUEST_SECONDS,
                )
            except ApiException as error:
                if error.status != GONE:
                    raise
            end = time.monotonic() + timeout
            while self._found(name) is not None:
                if time.monotonic() > end:
                    raise MachineError(
                        f"TrainJob {name} in {self.namespace} is still there {timeout:g} s after "
                        "it was removed; look what holds its pods."
                    )
                time.sleep(poll)

    def _found(self, name: str) -> dict[str, Any] | None:
        from kubernetes.client import ApiException

        try:
            found = self._api.get_namespaced_custom_object(
                GROUP, VERSION, self.namespace, PLURAL, name, _request_timeout=REQUEST_SECONDS
            )
        except ApiException as error:
            if error.status == GONE:
                return None
            raise
        return dict(found)


def _kubeconfig() -> str:
    # kubernetes reads the variable when it is imported; ask for what holds now.
    return os.environ.get("KUBECONFIG", "~/.kube/config")


def _namespace() -> str:
    from kubernetes import config

    if OWN_NAMESPACE.is_file():
        return OWN_NAMESPACE.read_text(encoding="utf-8").strip()
    _, context = config.list_kube_config_contexts(_kubeconfig())
    return str(context["context"].get("namespace", "default"))


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn what the API says into one sentence."""
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise MachineError(f"{what}: {_reason(error.status, error.body or error.reason)}") from (
            error
        )
    except HTTPError as error:
        raise MachineError(
            f"{what}: the cluster's API does not answer ({type(error).__name__})."
        ) from error


def _reason(status: int, body: str) -> str:
    """Return what the API says, and what to do about it."""
    try:
        words = str(json.loads(body)["message"])
    except (ValueError, KeyError, TypeError):
        words = str(body)
    said = f"status {status}, {' '.join(words.split())[:400].rstrip('.')}"
    if status == GONE:
        return f"{said}; the cluster knows no {API_VERSION}: install Kubeflow Trainer."
    if status in FORBIDDEN and "admission webhook" not in said:
        return f"{said}; bind the role rlr-trainjobs of infra/k8s/trainer to that account."
    return f"{said}."
