"""Where the feature cache lies."""

import os
from pathlib import Path

from rlr.config import Config
from rlr.data.versions.materialise import cache_folder

VARIABLE = "RLR_FEATURE_CACHE"
FOLDER = "features"


def feature_cache_folder(config: Config) -> Path:
    """Return the folder of cached features on this node.

    It is `features.disk.folder`, else the variable RLR_FEATURE_CACHE, else a folder in the cache of
    data versions: a pod and a container are told where the volume of their node is mounted, and
    one volume serves both.
    """
    named = config.features.disk.folder or os.environ.get(VARIABLE)
    return Path(named) if named else cache_folder(config.data) / FOLDER
