"""Rollback: a version that was really champion becomes it again."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.registry.audit.reigns import below, champions
from rlr.registry.audit.trail import Trail
from rlr.registry.promotion.footing import ready
from rlr.registry.promotion.moving import (
    Moved,
    Wish,
    find_version,
    move,
    require_reason,
    standing,
    unchanged,
)
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Takes models:/NAME/VERSION, raises a RlrError where its artifact does not do what it did, and
# returns a sentence for the entry.
Check = Callable[[str], str]


def rollback(
    client: "MlflowClient",
    settings: RegistryConfig,
    *,
    check: Check,
    to: str = "",
    reason: str = "",
    dry_run: bool = False,
) -> Moved:
    """Make an earlier champion the champion again.

    Args:
        client: Client of the registry.
        settings: Name of the registered model.
        check: Whether the artifact of the version still does what it did; asked before anything
            is written.
        to: Number of the version; "": the champion before today's, by the audit trail.
        reason: Why; recorded.
        dry_run: Whether only to check it, and to say what would be done.

    Returns:
        What was done; nothing, where the version is champion already.

    Raises:
        UserError: There is no such version, or it has never been champion.
        MachineError: The artifact failed its check, the trail is broken, the aliases were changed
            without it, somebody else was faster, or the server failed.
    """
    reason = require_reason(reason, "")
    with explained(client.tracking_uri):
        trail, completed = ready(client, settings.model_name, dry_run=dry_run)
        target = _target(trail, to)
        if trail.recorded.champion == target:
            return unchanged(trail, "rollback", dry_run, completed)
    found = check(f"models:/{trail.model}/{target}")
    with explained(client.tracking_uri):
        wish = Wish("rollback", target, reason, check=found)
        return move(client, trail, wish, dry_run=dry_run, completed=completed)


def _target(trail: Trail, to: str) -> str:
    """Return the version to go back to; it is there, and it was champion."""
    were = champions(trail.intents)
    if not to:
        found = below(standing(trail), trail.recorded.champion)
        if found is None:
            raise UserError(_no_earlier(trail, were))
        to = found
    find_version(trail, to)
    if to not in were:
        raise UserError(
            f"models:/{trail.model}/{to} has never been champion, by the audit trail (these were: "
            f"{', '.join(were) or 'none'}); name one of them, or promote it: rlr registry promote "
            f"{to}"
        )
    return to


def _no_earlier(trail: Trail, were: tuple[str, ...]) -> str:
    champion = trail.recorded.champion
    if champion is None:
        return f"No version of '{trail.model}' has been champion; there is nothing to go back to."
    later = [version for version in were if version != champion]
    hint = f"; with --to one may go to: {', '.join(later)}" if later else ""
    return f"No version was champion before models:/{trail.model}/{champion}{hint}."
