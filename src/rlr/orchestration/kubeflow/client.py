"""kfp's client, made to give up: by itself it asks five times, and waits for ever.

This module imports kfp at its top, so import it where it is needed.
"""

from collections.abc import Callable
from typing import Any

from kfp import Client
from kfp_server_api import ApiException
from kfp_server_api.models import V2beta1GetHealthzResponse
from urllib3 import Retry

from rlr.orchestration.kubeflow.failures import NoApiError

JSON_STARTS = (b"{", b"[")


class KubeflowClient(Client):
    """A client with a limit of seconds on each answer, and without a memory on disk."""

    def __init__(self, limit: float, **settings: Any) -> None:
        self._limit = limit
        super().__init__(**settings)
        self._limit_answers()

    def get_kfp_healthz(self, sleep_duration: int = 0) -> V2beta1GetHealthzResponse:
        """Ask once whether the server is well, and whether it serves several users."""
        self._limit_answers()  # the constructor asks already
        return self._healthz_api.healthz_service_get_healthz()

    def _limit_answers(self) -> None:
        api = self._run_api.api_client  # one for all
        if not isinstance(api.rest_client, _Impatient):
            api.rest_client = _Impatient(api.rest_client, self._limit)

    def set_user_namespace(self, namespace: str) -> None:
        """Take a namespace for this process alone; kfp's own would write it into the home."""
        self._context_setting["namespace"] = namespace

    def read_log(self, run_id: str, pod: str) -> str:
        """Return the log of a pod of a run, which the server offers beside its API.

        Args:
            run_id: The run.
            pod: Name of the pod.
        """
        api = self._run_api.api_client
        answer = api.call_api(
            "/apis/v1alpha1/runs/{run_id}/nodes/{node_id}/log",
            "GET",
            path_params={"run_id": run_id, "node_id": pod},
            auth_settings=["Bearer"],
            _preload_content=False,
        )
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            raise NoApiError
        return str(answer.data.decode("utf-8", errors="replace"))


class _Impatient:
    """The generated transport, with a limit on each request."""

    def __init__(self, transport: Any, limit: float) -> None:
        self._transport = transport
        self._limit = limit
        # Whoever waits longer knows better; a refused connection is tried once more.
        again = Retry(total=None, connect=1, read=0, other=0, redirect=3)
        transport.pool_manager.connection_pool_kw["retries"] = again

    def __getattr__(self, method: str) -> Callable[..., Any]:
        send = getattr(self._transport, method)

        def limited(*words: Any, **settings: Any) -> Any:
            if settings.get("_request_timeout") is None:
                settings["_request_timeout"] = (self._limit, self._limit)
            try:
                answer = send(*words, **settings)
            except ApiException as error:
                error.body = error.body or b""  # the caller decodes it
                raise
            if settings.get("_preload_content", True):
                _require_json(answer.data)
            return answer

        return limited


def _require_json(body: bytes) -> None:
    """Refuse a page for people, which the client would take for an empty answer."""
    if body.strip() and not body.lstrip().startswith(JSON_STARTS):
        raise NoApiError
