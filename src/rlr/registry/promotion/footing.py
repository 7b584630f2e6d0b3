"""What a change of the champion can stand on: a whole trail, and aliases that agree with it."""

from typing import TYPE_CHECKING

from rlr.foundation.errors import MachineError
from rlr.registry.audit.entry import Intent
from rlr.registry.audit.trail import Trail, read_trail
from rlr.registry.names import CHAMPION, PREVIOUS
from rlr.registry.promotion.finishing import finish_pending

if TYPE_CHECKING:
    from mlflow import MlflowClient


def ready(client: "MlflowClient", model: str, *, dry_run: bool) -> tuple[Trail, tuple[Intent, ...]]:
    """Return a trail that a decision can rest on.

    Args:
        client: Client of the registry.
        model: Registered model.
        dry_run: Whether an intent that was left behind stays as it is.

    Returns:
        The trail, and the intents that were completed.

    Raises:
        UserError: There is no such model.
        MachineError: The trail is broken, or the aliases were changed without it.
    """
    trail = read_trail(client, model)
    require_whole(trail)
    completed: tuple[Intent, ...] = ()
    if trail.pending is not None and not dry_run:
        completed = (trail.pending,)
        finish_pending(client, trail)
        trail = read_trail(client, model)
        require_whole(trail)
    changes = outside_changes(trail)
    if changes:
        raise MachineError(" ".join(changes))
    return trail, completed


def require_whole(trail: Trail) -> None:
    """Refuse a broken trail.

    Raises:
        MachineError: It is broken.
    """
    faults = trail.reading.faults
    if faults:
        more = f" ({len(faults) - 1} more: see `rlr registry history`)" if faults[1:] else ""
        raise MachineError(
            f"The audit trail of '{trail.model}' is broken, and nothing is changed on it. "
            f"{faults[0].sentence}{more}"
        )


def outside_changes(trail: Trail) -> list[str]:
    """Return how the aliases differ from the trail, a sentence each; empty: they do not.

    While an intent is pending, its aliases are on their way and nothing can be said.
    """
    if trail.pending is not None or trail.actual == trail.recorded:
        return []
    recorded, actual = trail.recorded, trail.actual
    if not trail.reading.entries:
        return [
            f"The aliases of '{trail.model}' were set before there was an audit trail (champion: "
            f"{actual.champion or 'none'}, previous: {actual.previous or 'none'}); take them over "
            "with `rlr registry reconcile --keep --reason ...`, or remove them with --undo."
        ]
    told = []
    for alias in (CHAMPION, PREVIOUS):
        wanted, found = getattr(recorded, alias), getattr(actual, alias)
        if wanted != found:
            told.append(
                f"The alias '{alias}' of '{trail.model}' is {_named(found)}, and by the audit "
                f"trail it is {_named(wanted)}: it was changed without `rlr`."
            )
    how = "undo that with `rlr registry reconcile --undo --reason ...`"
    if recorded.champion != actual.champion:
        how += ", or take the champion over with --keep"
    return [*told[:-1], f"{told[-1].rstrip('.')}; {how}."]


def _named(version: str | None) -> str:
    return f"version {version}" if version else "not set"
