"""One entry of a spool as requests to the tracking server, and what a failure of them means.

Sent again later: no connection, no answer in time, and the statuses 408, 425, 429 and 5xx; 404 of
anybody but MLflow (a gateway whose server is away); and BAD_REQUEST, by which MLflow tells that
its database failed. Never sent again by itself: every other refusal, such as a run that is not
there or was deleted (RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE), or missing rights.
"""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import MachineError, RlrError, UserError
from rlr.foundation.network import without_password
from rlr.registry.limits import single_attempts
from rlr.registry.spool.entries import Entry, FileEntry, MetricsEntry, StateEntry, TagsEntry
from rlr.registry.spool.folder import Position, Spool

if TYPE_CHECKING:
    from mlflow import MlflowClient

BATCH = 100  # what MLflow takes in one request
PASSING = (408, 425, 429)
CLIENT_LIBRARIES = ("mlflow", "requests", "urllib3", "sqlalchemy")

Item = TypeVar("Item")


class AwayError(MachineError):
    """The server cannot be reached now, or failed; later it may take the entry."""


class RefusedError(MachineError):
    """The server is there and does not take the entry; repeating it is of no use."""


class Delivery:
    """Sends the entries of one spool, in their order.

    Args:
        spool: The spool.
        client: Client of the tracking server.
        settings: How long a request may take.
    """

    def __init__(self, spool: Spool, client: "MlflowClient", settings: RegistryConfig) -> None:
        self._spool = spool
        self._client = client
        self._settings = settings
        self._position: Position | None = None

    def send_next(self) -> bool:
        """Send the first entry that the server does not have yet.

        Returns:
            Whether there was one.

        Raises:
            AwayError: Try again later.
            RefusedError: The server does not take it.
            UserError: The spool is damaged.
        """
        if self._position is None:
            self._position = self._spool.acknowledged()
        found = next(self._spool.entries(self._position), None)
        if found is None:
            return False
        entry, behind = found
        try:
            self._send(entry)
        except RlrError:
            raise
        except Exception as error:
            raise self._explain(error) from error
        self._position = behind
        # A disk that cannot be written costs a second sending one day, and nothing today.
        with suppress(OSError):
            self._spool.acknowledge(behind)
            if isinstance(entry, FileEntry):
                self._spool.forget(entry)
        return True

    def _send(self, entry: Entry) -> None:
        if isinstance(entry, FileEntry):
            self._send_file(entry)
            return
        with single_attempts(self._settings.request_seconds):
            if isinstance(entry, StateEntry):
                self._send_state(entry)
            elif isinstance(entry, MetricsEntry):
                self._send_metrics(entry)
            else:
                self._send_tags(entry)

    def _send_state(self, entry: StateEntry) -> None:
        if entry.state == "RUNNING":
            self._client.update_run(self._spool.run_id, status=entry.state)
        else:
            self._client.set_terminated(self._spool.run_id, entry.state, end_time=entry.time)

    def _send_metrics(self, entry: MetricsEntry) -> None:
        from mlflow.entities import Metric

        metrics = (
            Metric(key, value, entry.time, entry.step) for key, value in entry.values.items()
        )
        for part in _parts(metrics):
            self._client.log_batch(self._spool.run_id, metrics=part)

    def _send_tags(self, entry: TagsEntry) -> None:
        from mlflow.entities import RunTag

        for part in _parts(RunTag(name, value) for name, value in entry.tags.items()):
            self._client.log_batch(self._spool.run_id, tags=part)

    def _send_file(self, entry: FileEntry) -> None:
        copy = self._spool.copy_of(entry)
        if not copy.is_file():
            raise UserError(
                f"{copy} is missing, which was to be sent to the run {self._spool.run_id}; put it "
                "there again."
            )
        with single_attempts(self._settings.transfer_seconds):
            self._client.log_artifact(self._spool.run_id, str(copy), entry.place)

    def _explain(self, error: Exception) -> Exception:
        """Return what a failure of the client means; an error of anything else comes back."""
        library = type(error).__module__.partition(".")[0]
        if library not in CLIENT_LIBRARIES and not isinstance(error, OSError):
            return error
        server = without_password(self._client.tracking_uri)
        if _will_pass(error):
            return AwayError(f"The tracking server {server} is away or failed ({_reason(error)}).")
        words = _words(error).replace(self._client.tracking_uri, server)
        other = "" if server == self._spool.server else f", written for {self._spool.server}"
        return RefusedError(
            f"The tracking server {server} does not take what belongs to the run "
            f"{self._spool.run_id} ({words}); the entries stay in {self._spool.folder}{other}."
        )


def _will_pass(error: Exception) -> bool:
    code = getattr(error, "error_code", None)
    if code == "BAD_REQUEST":
        return True
    status = _status(error)
    if status == 404:
        return code != "RESOURCE_DOES_NOT_EXIST"
    return status is None or status >= 500 or status in PASSING


def _reason(error: Exception) -> str:
    """Return in few words why a request failed; MLflow's own tell of its settings."""
    cause = error.__cause__ or error.__context__
    kinds = {kind.__name__ for kind in type(cause).__mro__}
    if "Timeout" in kinds:
        return "no answer in time"
    if "ConnectionError" in kinds:
        return "no connection, or no answer in time"
    if "RetryError" in kinds:
        return "it answers, but with a failure of its own"
    return _words(error)


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _status(error: Exception) -> int | None:
    """Return the HTTP status that the server answered with, where it answered."""
    response: Any = getattr(error, "response", None)
    if response is not None:
        return int(response.status_code)
    known = getattr(error, "get_http_status_code", None)
    return None if known is None else int(known())


def _parts(items: "Iterator[Item]") -> Iterator[list[Item]]:
    while part := list(islice(items, BATCH)):
        yield part
