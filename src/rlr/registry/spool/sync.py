"""Sending what spools still hold, after the step that wrote them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import RlrError
from rlr.registry.spool.delivery import Delivery
from rlr.registry.spool.folder import Spool, find_spools, read_spool

if TYPE_CHECKING:
    from mlflow import MlflowClient


@dataclass(frozen=True)
class SpoolState:
    """What is known of one spool.

    Attributes:
        folder: Its folder.
        run_id: The run; "": it cannot be read.
        server: Address of the tracking server it was written for.
        entries: Entries that the server has, as far as is known.
        unsent: Entries that it does not have.
        is_live: Whether a process is sending from it now.
        problem: Why it cannot be read, or "".
    """

    folder: Path
    run_id: str
    server: str
    entries: int
    unsent: int
    is_live: bool
    problem: str = ""


def spool_states(folders: Iterable[Path]) -> list[SpoolState]:
    """Return the state of each spool below some folders."""
    found = {folder.resolve(): folder for place in folders for folder in find_spools(place)}
    return [_state(folder) for folder in found.values()]


def send_rest(spool: Spool, client: "MlflowClient", settings: RegistryConfig) -> int | None:
    """Send what a spool still holds; each request is tried once.

    Returns:
        How many entries were sent; None where another process is sending them.

    Raises:
        AwayError: The server is away or failed; the rest stays.
        RefusedError: The server does not take it; the rest stays.
        UserError: The spool is damaged.
    """
    with spool.sending() as is_ours:
        if not is_ours:
            return None
        delivery = Delivery(spool, client, settings)
        sent = 0
        while delivery.send_next():
            sent += 1
        return sent


def _state(folder: Path) -> SpoolState:
    try:
        spool = read_spool(folder)
        is_live = spool.is_being_sent()
        sent = spool.acknowledged().entries
        return SpoolState(folder, spool.run_id, spool.server, sent, spool.unsent(), is_live)
    except RlrError as error:
        return SpoolState(folder, "", "", 0, 0, False, str(error))
