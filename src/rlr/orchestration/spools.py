"""The spools of a place: what they hold, and sending it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import RlrError, UserError
from rlr.foundation.progress import track
from rlr.registry.server import connect, names_server
from rlr.registry.spool.folder import read_spool
from rlr.registry.spool.sync import SpoolState, send_rest, spool_states

if TYPE_CHECKING:
    from mlflow import MlflowClient

PLACE = Path(".rlr")


def list_spools(folders: Sequence[Path] | None) -> list[dict[str, Any]]:
    """Return what is known of the spools below some folders, as documents.

    Args:
        folders: The folders; None or empty: `.rlr`.

    Raises:
        UserError: A folder is missing.
    """
    return [_document(state) for state in spool_states(_places(folders))]


def sync_spools(folders: Sequence[Path] | None, settings: RegistryConfig) -> list[dict[str, Any]]:
    """Send what the spools below some folders still hold.

    Args:
        folders: The folders; None or empty: `.rlr`.
        settings: `tracking_uri` (or MLFLOW_TRACKING_URI) goes before the server that a spool was
            written for.

    Returns:
        What is known of each spool afterwards; `problem` says why something is left.

    Raises:
        UserError: A folder is missing.
    """
    clients = _Clients(settings)
    states = spool_states(_places(folders))
    return [_sync(state, clients, settings) for state in track(states, "Sending spools")]


class _Clients:
    """One client a server; one that is away is asked once."""

    def __init__(self, settings: RegistryConfig) -> None:
        self._settings = settings
        self._failures: dict[str, RlrError] = {}

    def connect(self, server: str) -> "MlflowClient":
        settings = self._settings
        if not names_server(settings):
            settings = settings.model_copy(update={"tracking_uri": server})
        if server in self._failures:
            raise self._failures[server]
        try:
            return connect(settings)
        except RlrError as error:
            self._failures[server] = error
            raise


def _sync(state: SpoolState, clients: _Clients, settings: RegistryConfig) -> dict[str, Any]:
    if state.problem or not state.unsent:
        return {**_document(state), "sent_now": 0}
    problem = ""
    try:
        sent = send_rest(read_spool(state.folder), clients.connect(state.server), settings)
        if sent is None:
            problem = (
                f"{state.folder}: a process that is alive sends these entries; look again when it "
                "has ended."
            )
    except RlrError as error:
        problem = str(error)
    (after,) = spool_states([state.folder])
    sent_now = max(state.unsent - after.unsent, 0)
    return {**_document(replace(after, problem=problem)), "sent_now": sent_now}


def _places(folders: Sequence[Path] | None) -> list[Path]:
    if not folders:
        return [PLACE]
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder; name an output folder of a step, or .rlr.")
    return list(folders)


def _document(state: SpoolState) -> dict[str, Any]:
    return {
        "folder": str(state.folder),
        "run_id": state.run_id,
        "server": state.server,
        "sent": state.entries,
        "unsent": state.unsent,
        "state": _word(state),
        "problem": state.problem or None,
    }


def _word(state: SpoolState) -> str:
    if state.problem:
        return "problem"
    if state.is_live:
        return "being sent"
    return "waiting" if state.unsent else "sent"
