"""Promotion: a version becomes champion by its gate result, or by word."""

from typing import TYPE_CHECKING

from rlr.config.registry import RegistryConfig
from rlr.foundation.errors import UserError
from rlr.registry.promotion.evidence import weigh
from rlr.registry.promotion.footing import ready
from rlr.registry.promotion.moving import Moved, Wish, find_version, move, require_reason, unchanged
from rlr.registry.server import explained

if TYPE_CHECKING:
    from mlflow import MlflowClient


def promote(
    client: "MlflowClient",
    settings: RegistryConfig,
    version: str,
    *,
    reason: str = "",
    override: bool = False,
    dry_run: bool = False,
    pipeline_run: str = "",
) -> Moved:
    """Make a version the champion, and the champion the previous one.

    The gate must have judged this very detector against the very champion of today, and its
    outcome must be "promote".

    Args:
        client: Client of the registry.
        settings: Name of the registered model.
        version: Number of the version.
        reason: Why; needed where the gate is overridden.
        override: Whether to promote it whatever the gate says; what it says is recorded.
        dry_run: Whether only to say what would be done.
        pipeline_run: Run of the pipeline that asks for it; "": none does.

    Returns:
        What was done; nothing, where the version is champion already.

    Raises:
        UserError: There is no such version, or the gate does not let it pass.
        MachineError: The trail is broken, the aliases were changed without it, somebody else was
            faster, or the server failed.
    """
    reason = require_reason(reason, "--override sets the gate aside" if override else "")
    with explained(client.tracking_uri):
        trail, completed = ready(client, settings.model_name, dry_run=dry_run)
        find_version(trail, version)
        if trail.recorded.champion == version:
            return unchanged(trail, "promote", dry_run, completed)
        evidence = weigh(client, settings, trail, version)
        if evidence.refusals and not override:
            raise UserError(
                f"{' '.join(evidence.refusals)} (or, by word: rlr registry promote {version} "
                '--override --reason "...")'
            )
        wish = Wish(
            "promote",
            version,
            reason,
            overrode=evidence.refusals,
            gate=evidence.gate,
            facts={"pipeline_run": pipeline_run} if pipeline_run else {},
        )
        return move(client, trail, wish, dry_run=dry_run, completed=completed)
