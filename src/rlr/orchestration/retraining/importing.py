"""What has arrived becomes a data version: made beside all others, and published.

The new version is made in the cache of this node, as links to the files of the base and what was
fetched. It is published as a whole and then takes its place among the pulled versions, where the
steps after this one look for it. What a killed import has fetched lies beside it, and the next one
fetches the rest; a version that was made and not published is published by the next one first.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlr.config.data import DataConfig
from rlr.config.retraining import RetrainingConfig
from rlr.data.intake import import_images
from rlr.data.intake.run import ACTION
from rlr.data.manifest import Manifest
from rlr.data.versions import cached_folder, materialise, publish, read_parent
from rlr.data.versions.contents import list_contents
from rlr.data.versions.materialise import cache_folder
from rlr.data.versions.remote import open_remote
from rlr.data.workplace import workplace
from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class Arrived:
    """What an import has found.

    Attributes:
        version: The data version with the new images; the base, where nothing is new.
        base: What it was made from; None: there were no images before.
        manifest: Its images.
        new: Number of images that came in.
        remark: What is to be said of a source that gave nothing, or "".
    """

    version: str
    base: str | None
    manifest: Manifest
    new: int
    remark: str


def require_source(settings: RetrainingConfig) -> str:
    """Return where new images arrive, or raise a UserError where nothing says it."""
    if settings.source:
        return settings.source
    raise UserError(
        "No source of new images is configured; set retraining.source to a folder or to "
        "s3://BUCKET/PREFIX."
    )


def import_new(data: DataConfig, source: str, base: str | None) -> Arrived:
    """Import what a source has and a data version does not, as a new version, and publish it.

    Args:
        data: Remote, cache and the section `intake`.
        source: s3://BUCKET/PREFIX, or a folder.
        base: Data version to add to; None: there are no images yet.

    Raises:
        UserError: No remote is configured, it does not have the base, or the source cannot be
            read.
        MachineError: Source or remote cannot be reached, or the disk is full.
    """
    open_remote(data.remote)  # told now, not when everything has been fetched
    key = base.removesuffix(".dir") if base else "first"
    work = cache_folder(data).absolute() / f"import-{key}"
    with workplace(work.with_name(f"retrain-{key}")):  # one at a time
        left = _finish_leftover(data, work, base)
        old = _folder_of(data, left or base)
        place = data.model_copy(update={"root": str(work), "version": None})
        imported = import_images(place, source, old)
        if imported.new:
            version = _keep(data, work)
        elif left or base:
            version = str(left or base)
        else:
            raise AssertionError("an import into nothing raises where nothing is there")
    folder = cached_folder(data, version) if imported.new else old
    assert folder is not None
    manifest = Manifest(imported.manifest.frame, folder, version)
    new = imported.new + _count(left, data)
    return Arrived(version, base, manifest, new, _remark(imported.new, imported.known, source))


def contents_of(data: DataConfig, version: str) -> Mapping[str, str]:
    """Return the md5 of each file of a published version, without fetching an image.

    Raises:
        UserError: The remote does not have it.
        MachineError: It cannot be reached.
    """
    return list_contents(open_remote(data.remote), version)


def _folder_of(data: DataConfig, version: str | None) -> Path | None:
    if version is None:
        return None
    return materialise(data.model_copy(update={"version": version}))[0].absolute()


def _finish_leftover(data: DataConfig, work: Path, base: str | None) -> str | None:
    """Publish what an import has made that was killed before it could; None: there is nothing."""
    if not work.is_dir():
        return None
    note = read_parent(work)
    if note is None or (note["parent"], note["action"]) != (base, ACTION):
        shutil.rmtree(work)
        return None
    return _keep(data, work)


def _keep(data: DataConfig, work: Path) -> str:
    version = publish(work, data.remote)
    place = cached_folder(data, version).absolute()
    if place.exists():
        shutil.rmtree(work)
    else:
        work.rename(place)
    return version


def _count(left: str | None, data: DataConfig) -> int:
    """Return the number of images that a version finished now has and its base has not."""
    if left is None:
        return 0
    note = read_parent(cached_folder(data, left))
    return int(note["facts"].get("images", 0)) if note else 0


def _remark(new: int, known: int, source: str) -> str:
    if new or known:
        return ""
    return f"{source} holds no image that could be taken"
