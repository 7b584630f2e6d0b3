"""From a configuration to a folder that really holds the data version it names."""

import logging
import os
from contextlib import suppress
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.versions.pull import pull
from rlr.data.versions.snapshot import data_version, holds

CACHE_VARIABLE = "RLR_DATA_CACHE"
CACHE = ".rlr/versions"

logger = logging.getLogger("rlr")


def materialise(config: DataConfig) -> tuple[Path, str]:
    """Return a folder with the images that a configuration asks for, and their data version.

    Without `config.version` that is `config.root` as it lies there today. With it, `config.root`
    if it holds exactly that version, else a folder in the cache, pulled when first needed.

    Raises:
        UserError: The folder is missing, the remote does not have the version, or the cached
            folder was changed since it was pulled.
        MachineError: The remote cannot be reached, or a file in it is missing or damaged.
    """
    root = Path(config.root)
    if config.version is None:
        return root, data_version(root)
    if root.is_dir():
        if holds(root, config.version):
            return root, config.version
        logger.info("%s does not hold the data version %s", root, config.version)
    cached = cached_folder(config, config.version)
    pull(config.version, config.remote, cached)
    with suppress(OSError):  # a cache may be read-only
        os.utime(cached)  # `rlr gc` removes what was not used for long
    return cached, config.version


def pulled_folder(config: DataConfig, version: str) -> Path:
    """Return where `rlr data pull` puts a version: the node's cache where one is named.

    Every step looks there, and what several pods of a node want is pulled once.
    """
    named = config.cache or os.environ.get(CACHE_VARIABLE)
    return cached_folder(config, version) if named else Path(config.root)


def cached_folder(config: DataConfig, version: str) -> Path:
    """Return where a pulled data version lies on this node, or will lie."""
    return cache_folder(config) / version.removesuffix(".dir")


def cache_folder(config: DataConfig) -> Path:
    """Return the folder of pulled data versions on this node.

    It is `config.cache`, else the variable RLR_DATA_CACHE: a pod is told by its environment where
    the volume of its node is mounted.
    """
    return Path(config.cache or os.environ.get(CACHE_VARIABLE) or CACHE)
