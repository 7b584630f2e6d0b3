"""What the containers of a run share with this machine, each under its own absolute path."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.backbones import open_weights_store
from rlr.cache import feature_cache_folder
from rlr.config import Config
from rlr.data.versions.materialise import cache_folder
from rlr.data.versions.remote import REMOTE_VARIABLE, open_remote
from rlr.foundation.errors import MachineError, UserError
from rlr.registry.server import SQLITE, tracking_uri
from rlr.registry.versions import MODEL_CACHE

if TYPE_CHECKING:
    from docker.types import Mount

WORDS_FOR_WEIGHTS = ("hub", "packaged", "random", "store")
STORED = ("hub", "store")  # words for weights that may lie in the store
ARTIFACTS = "artifacts"  # beside a local tracking database


@dataclass(frozen=True)
class Shares:
    """Files and folders of this machine that containers see.

    Attributes:
        readable: What they read.
        writable: Folders that they write, beside that of the run.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...]

    def mounts(self) -> "list[Mount]":
        """Return them as Docker takes them."""
        from docker.types import Mount

        return [
            Mount(str(path), str(path), "bind", read_only=path in self.readable)
            for path in (*self.readable, *self.writable)
        ]

    def hand_over(self, owner: tuple[int, int] | None) -> None:
        """Make the folders that are written, and give them to the user of the containers.

        Args:
            owner: User and group; None: that of this process.

        Raises:
            MachineError: A folder cannot be made.
        """
        for folder in self.writable:
            try:
                folder.mkdir(parents=True, exist_ok=True)
                if owner:
                    give(folder, owner)
            except OSError as error:
                raise MachineError(
                    f"{folder} cannot be shared with containers ({error.strerror}); choose another "
                    "working directory."
                ) from error


def give(folder: Path, owner: tuple[int, int]) -> None:
    """Give a folder and all in it to a user."""
    for parent, folders, files in os.walk(folder):
        for path in (parent, *(os.path.join(parent, name) for name in (*folders, *files))):
            about = os.lstat(path)
            if (about.st_uid, about.st_gid) != owner:
                os.lchown(path, *owner)


def shares_of(settings: Config) -> Shares:
    """Return what a configuration names on this machine, as far as it is there.

    The images' folder, local backbone weights or the store of them, lists beside the images and a
    local data remote are read; the caches of data versions, of features and of registered models
    and a local tracking database are written. Where new images are imported, their folder and
    labels are read, too, and the remote is written.

    Args:
        settings: The configuration of the run.
    """
    data = settings.data
    weights = settings.features.backbone.weights
    remote = data_remote(settings)
    named = [
        data.root,
        data.group_csv,
        data.capture_csv,
        data.labels_csv,
        data.previous_manifest,
        data.champion,
        None if weights in WORDS_FOR_WEIGHTS else weights,
        str(backbone_store(settings)) if weights in STORED else None,
        remote if _is_here(remote) else None,
    ]
    writable = [data_cache(settings), _absolute(MODEL_CACHE)]
    features = feature_cache(settings)
    if settings.features.cache == "disk" and not features.is_relative_to(writable[0]):
        writable.append(features)
    source = settings.retraining.source
    if source:
        named += [name for name in (source, data.intake.labels_csv) if _is_here(name)]
        writable += [_absolute(remote)] if remote and _is_here(remote) else []
    store = local_store(settings)
    if store:
        writable.append(store.parent)
    readable = {_absolute(name) for name in named if name and _absolute(name).exists()}
    return Shares(tuple(sorted(readable - set(writable))), tuple(dict.fromkeys(writable)))


def backbone_store(settings: Config) -> Path:
    """Return the folder of weights that were brought to this machine."""
    return _absolute(open_weights_store(settings.features.backbone).folder)


def data_cache(settings: Config) -> Path:
    """Return the folder of pulled data versions."""
    return _absolute(cache_folder(settings.data))


def feature_cache(settings: Config) -> Path:
    """Return the folder of cached features."""
    return _absolute(feature_cache_folder(settings))


def data_remote(settings: Config) -> str | None:
    """Return the data remote of a run: a container sees no checkout, and so no default of one.

    Args:
        settings: The configuration of the run.

    Returns:
        Folder or URL; None: no version is asked for or to be made, or no remote is configured.
    """
    named = settings.data.remote or os.environ.get(REMOTE_VARIABLE)
    if named or (settings.data.version is None and settings.retraining.source is None):
        return named or None
    try:
        remote = open_remote(None)
    except UserError:  # the step that needs one will say so
        return None
    return remote.url if "://" in remote.url else str(_absolute(remote.odb.path))


def local_store(settings: Config) -> Path | None:
    """Return the local tracking database; None: there is a server.

    Raises:
        UserError: Its folder holds other things, which containers must not write.
    """
    uri = tracking_uri(settings.registry)
    if not uri.startswith(SQLITE):
        return None
    store = _absolute(uri.removeprefix(SQLITE))
    others = [path.name for path in store.parent.glob("*") if not _is_of_store(path, store)]
    if others:
        raise UserError(
            f"The tracking database {store} shares its folder with {sorted(others)[0]}; containers "
            "may write such a folder only where it holds nothing else. Name a tracking server "
            "(MLFLOW_TRACKING_URI), or a database in a folder of its own."
        )
    return store


def _is_of_store(path: Path, store: Path) -> bool:
    return path.name.startswith(store.name) or path.name == ARTIFACTS


def _is_here(name: str | None) -> bool:
    return bool(name) and "://" not in str(name)


def _absolute(name: str | Path) -> Path:
    return Path(os.path.abspath(os.path.expanduser(name)))
