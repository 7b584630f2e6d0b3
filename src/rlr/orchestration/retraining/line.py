"""The line of data versions that retrainings go on from: which version is its newest."""

import logging
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.versions import data_version, publish, read_parent
from rlr.data.versions.contents import list_contents
from rlr.data.versions.history import descends
from rlr.data.versions.remote import open_remote
from rlr.foundation.errors import UserError
from rlr.registry.retraining import Retrainings

logger = logging.getLogger("rlr")


def find_base(data: DataConfig, wanted: str, past: Retrainings) -> str | None:
    """Return the data version that new images are added to.

    It is the one that is asked for. Else it is the newest that a retraining has made, or a model
    version was made from, unless `data.version` or what lies in `data.root` has been made from
    that since: by a review, say. Where the registry knows none, it is `data.version`, else what
    lies in `data.root`.

    What lies in `data.root` is published where it is the base, for the steps after this one
    find it by its hash alone.

    Args:
        data: Configuration of the data, `version` as the user has configured it.
        wanted: The data version that is asked for; "": none.
        past: What the registry knows.

    Returns:
        The data version; None: there are no images yet.

    Raises:
        UserError: No remote is configured, or the folder is not in order.
        MachineError: Remote or registry cannot be reached.
    """
    if wanted:
        return wanted
    base = _of_registry(data, past)
    if data.version and _goes_on_from(data.version, base, data):
        base = data.version
    root = Path(data.root)
    if not root.is_dir() or not any(root.iterdir()):
        return base
    here = data_version(root)
    if here != base and not _root_goes_on_from(root, here, base, data):
        return base
    if not _is_published(here, data):
        publish(root, data.remote)
    return here


def _of_registry(data: DataConfig, past: Retrainings) -> str | None:
    """Return what the last retraining made, or what a model version was made from that since."""
    imported, trained = past.last_imported(), past.last_trained()
    if imported is None or trained is None:
        known = imported or trained
        return known.data_version if known else None
    later = trained.seen > imported.seen
    # What was trained on older data, to look into something, does not lead back.
    if later and descends(trained.data_version, imported.data_version, data.remote):
        return trained.data_version
    return imported.data_version


def _is_published(version: str, data: DataConfig) -> bool:
    try:
        list_contents(open_remote(data.remote), version)
    except UserError:
        return False
    return True


def _goes_on_from(version: str, base: str | None, data: DataConfig) -> bool:
    return base is None or descends(version, base, data.remote)


def _root_goes_on_from(root: Path, here: str, base: str | None, data: DataConfig) -> bool:
    if base is None:
        return True
    note = read_parent(root)
    parent = note["parent"] if note else None
    if parent is not None and descends(parent, base, data.remote):
        return True
    if not descends(base, here, data.remote):
        logger.info(
            "%s holds %s, which was not made from %s, the newest that the registry knows; it is "
            "left alone. Name it as the data version to go on from it.", root, here, base,
        )  # fmt: skip
    return False
