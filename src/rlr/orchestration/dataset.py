"""The manifest as it travels from validation to training and evaluation.

Images do not travel: each step finds them by their data version, on its own node.
"""

from pathlib import Path

from rlr.config.data import DataConfig
from rlr.data.index import index_images
from rlr.data.manifest import Manifest, read_manifest, write_manifest
from rlr.data.versions import materialise
from rlr.foundation.errors import UserError

MANIFEST_FILE = "manifest.parquet"


def list_images(settings: DataConfig) -> Manifest:
    """Return a new manifest of the data version that a configuration asks for."""
    root, version = materialise(settings)
    return index_images(settings, root, version)


def write_dataset(manifest: Manifest, folder: Path) -> None:
    """Write a manifest for the steps that follow."""
    write_manifest(manifest, folder / MANIFEST_FILE)


def read_dataset(settings: DataConfig, folder: Path | None) -> Manifest:
    """Return the manifest that validation has written, with its images on this node.

    Args:
        settings: Where the images are.
        folder: What validation has written; None: the images are listed anew.

    Raises:
        UserError: The folder lists another data version than the one that is here.
    """
    if folder is None:
        return list_images(settings)
    root, version = materialise(settings)
    manifest = read_manifest(folder / MANIFEST_FILE, root)
    if manifest.version != version:
        raise UserError(
            f"{folder} lists the data version {manifest.version}, but {root} holds {version}; "
            "validate the data again."
        )
    return manifest
