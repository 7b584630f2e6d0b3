"""What was done without `rlr`: taken over into the audit trail, or undone."""

from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.registry.audit.trail import Trail, read_trail
from rlr.registry.promotion.finishing import finish_pending
from rlr.registry.promotion.moving import Moved, Wish, move, require_reason, unchanged
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


def reconcile(
    client: "MlflowClient",
    settings: RegistryConfig,
    *,
    keep: bool,
    reason: str,
    dry_run: bool = False,
) -> Moved:
    """Make the aliases and the audit trail agree again.

    Args:
        client: Client of the registry.
        settings: Name of the registered model.
        keep: True: the champion that was set without the trail is taken over, and the faults of
            the trail are accepted, all of which an entry says. False: the aliases are set back.
        reason: Why; recorded.
        dry_run: Whether only to say what would be done.

    Raises:
        UserError: There is no reason, or it cannot be done in this way.
        MachineError: Somebody else was faster, or the server failed.
    """
    reason = require_reason(reason, "What was done without the audit trail is recorded in it")
    with explained(client.tracking_uri):
        trail = read_trail(client, settings.model_name)
        completed = (trail.pending,) if trail.pending and not dry_run else ()
        if completed:
            finish_pending(client, trail)
            trail = read_trail(client, settings.model_name)
        agrees = trail.pending is not None or trail.actual == trail.recorded
        if agrees and not trail.reading.faults:
            return unchanged(trail, "adopt" if keep else "restore", dry_run, completed)
        wish = _adopt(trail, reason) if keep else _restore(trail, reason)
        return move(client, trail, wish, dry_run=dry_run, completed=completed)


def _adopt(trail: Trail, reason: str) -> Wish:
    faults = trail.reading.faults
    if not faults and trail.actual.champion == trail.recorded.champion:
        raise UserError(
            "Only the alias 'previous' was changed, which follows from the audit trail and says "
            "where a rollback goes; set it back with --undo."
        )
    return Wish("adopt", trail.actual.champion, reason, accepted=[fault.key for fault in faults])


def _restore(trail: Trail, reason: str) -> Wish:
    if trail.reading.faults:
        raise UserError(
            "The audit trail is broken, so nobody knows what it would be set back to; restore it "
            "from a backup, or accept it as it is with --keep."
        )
    champion = trail.recorded.champion
    if champion is not None and champion not in {str(v.version) for v in trail.versions}:
        raise UserError(
            f"Version {champion}, which is champion by the audit trail, was deleted from the "
            "registry; accept that with --keep, then promote another or roll back."
        )
    return Wish("restore", champion, reason)
