"""Promotion and rollback, as a step and as commands: the registry's own, and what it cannot do.

The registry never loads torch, so whether an artifact still scores as it did is asked here.
"""

import logging
from collections.abc import Sequence
from importlib import util

from rlr.config import Config
from rlr.foundation.errors import MachineError, UserError
from rlr.orchestration.announce import announce
from rlr.orchestration.outcomes import Promoted
from rlr.orchestration.parameters import resolve
from rlr.orchestration.reporting import run_name, step
from rlr.registry import promotion
from rlr.registry.audit.trail import read_trail
from rlr.registry.overview import version_number
from rlr.registry.server import connect, explained
from rlr.registry.versions import locate_model

logger = logging.getLogger("rlr")


@step
def promote(
    config: str, overrides: Sequence[str], version: str, pipeline_run: str = ""
) -> Promoted:
    """Make a version the champion, by the gate result that it carries.

    Doing it again, as a cluster does with a step that was lost, changes nothing.

    Args:
        config: Preset, path of a YAML file, or YAML document.
        overrides: `key=value` each.
        version: Number of the version.
        pipeline_run: Run of the pipeline that asks for it; "": none does.

    Raises:
        UserError: The gate does not let it pass, or its result is not about today's champion.
        MachineError: The audit trail is broken, somebody else was faster, or the server failed.
    """
    run = run_name(pipeline_run)
    moved = promote_version(resolve(config, overrides), version, pipeline_run=run)
    return Promoted(version, moved.previous or "", moved.changed, moved.entry or 0)


def find_number(config: Config, reference: str) -> str:
    """Return the number of a version; the arguments and failures of `version_number`."""
    if reference.isdecimal():
        return str(int(reference))
    client = connect(config.registry)
    with explained(client.tracking_uri):
        return version_number(read_trail(client, config.registry.model_name), reference)


def promote_version(
    config: Config,
    version: str,
    *,
    reason: str = "",
    override: bool = False,
    dry_run: bool = False,
    pipeline_run: str = "",
) -> promotion.Moved:
    """Promote a version and announce it; arguments and failures are those of the registry's own."""
    moved = promotion.promote(
        connect(config.registry),
        config.registry,
        version,
        reason=reason,
        override=override,
        dry_run=dry_run,
        pipeline_run=pipeline_run,
    )
    announce(moved)
    return moved


def roll_back(
    config: Config, *, to: str = "", reason: str = "", dry_run: bool = False
) -> promotion.Moved:
    """Make an earlier champion the champion again, once its artifact has passed its check.

    Arguments and failures are those of `rlr.registry.promotion.rollback`.
    """
    moved = promotion.rollback(
        connect(config.registry),
        config.registry,
        check=lambda reference: check_artifact(reference, config),
        to=to,
        reason=reason,
        dry_run=dry_run,
    )
    announce(moved)
    return moved


def reconcile(config: Config, *, keep: bool, reason: str, dry_run: bool = False) -> promotion.Moved:
    """Make aliases and audit trail agree again, and announce the champion.

    Arguments and failures are those of `rlr.registry.promotion.reconcile`.
    """
    moved = promotion.reconcile(
        connect(config.registry), config.registry, keep=keep, reason=reason, dry_run=dry_run
    )
    announce(moved)
    return moved


def check_artifact(reference: str, config: Config) -> str:
    """Say how an artifact scores the images that it carries.

    Args:
        reference: Its address, models:/NAME/VERSION.
        config: Where the registry is, and what still counts as the same score.

    Returns:
        The finding; an artifact of an older format carries no images, and is only loaded.

    Raises:
        UserError: There is no torch here.
        MachineError: It cannot be fetched or loaded, or does not score as it did.
    """
    if util.find_spec("torch") is None:
        raise UserError(
            f"Whether {reference} still scores as it did cannot be asked without torch; roll back "
            "where `rlr[train]` is installed, as in the image `train`."
        )
    from rlr.detection.canary import check_canary

    logger.info("Checking %s ...", reference)
    located = locate_model(reference, config.registry)
    try:
        # On the CPU, where its scores were stored.
        found = check_canary(located.folder, tolerance=config.monitor.canary.tolerance)
    except UserError as error:
        raise MachineError(
            f"The artifact of {reference} cannot be loaded, so nothing was changed. {error}"
        ) from error
    if not found.checked:
        return f"It loads; {found.sentence}"
    if not found.holds:
        raise MachineError(
            f"{reference} does not score its canary images as it did, so nothing was changed: "
            f"{found.sentence} If that is right here, raise monitor.canary.tolerance."
        )
    return found.sentence
