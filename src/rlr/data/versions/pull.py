"""Fetching a data version from a remote: whole and checked, or not at all."""

import errno
import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

from rlr.data.versions.contents import list_contents
from rlr.data.versions.remote import Remote, explain, open_remote
from rlr.data.versions.snapshot import hash_files, holds, require_version
from rlr.data.workplace import workplace
from rlr.foundation.errors import MachineError, RlrError, UserError
from rlr.foundation.progress import track

BATCH = 256  # files a call, so that progress can be told
OBJECTS = "objects"


def pull(version: str, remote: str | None, target: Path) -> None:
    """Fetch a data version into a folder.

    The folder appears under its name only when every file is there and has the md5 that the
    version says. Processes that want the same folder, on this machine or on others that share
    the disk, wait for one another. What a killed pull has fetched, or one whose remote went away,
    lies beside the target, and the next pull fetches the rest.

    Args:
        version: Data version, "<md5>.dir".
        remote: Folder or URL; None: the default remote.
        target: The folder to create. One that holds this version already is left as it is.

    Raises:
        UserError: The remote does not have the version, or the target holds something else.
        MachineError: The remote cannot be reached, or a file in it is missing or damaged.
    """
    target = Path(target)
    require_version(version, "data.version")
    if _is_there(target, version):  # asked first without a lock: a cache may be read-only
        return
    with workplace(target) as files:
        if _is_there(target, version):
            return
        store = open_remote(remote)
        contents = list_contents(store, version)
        objects = files.parent / OBJECTS
        _fetch(store, version, contents, objects)
        _arrange(contents, objects, files)
        files.rename(target)  # an empty folder of that name gives way


def _is_there(target: Path, version: str) -> bool:
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return False
    if target.is_dir() and holds(target, version):
        return True
    raise UserError(
        f"{target} exists and does not hold the data version {version}; move it away or name "
        "another folder."
    )


def _fetch(store: Remote, version: str, contents: Mapping[str, str], folder: Path) -> None:
    """Bring every object of a version into a folder, under its md5."""
    wanted = set(contents.values())
    here = _usable(folder, wanted)
    failures = _download(store, sorted(wanted - here), folder)
    missing = {md5 for md5, error in failures.items() if isinstance(error, FileNotFoundError)}
    for md5, error in failures.items():
        if md5 not in missing:
            raise _cut_short(store, error, folder, wanted) from error
    found = {} if missing else hash_files(folder)
    damaged = {md5 for md5 in wanted if found.get(md5) != md5} - missing
    if not missing and not damaged:
        return
    shutil.rmtree(folder)
    paths = sorted(path for path, md5 in contents.items() if md5 in (missing or damaged))
    fault, remedy = ("misses", "") if missing else ("holds a damaged", "delete that object and ")
    more = f" (`rlr data verify` names {len(paths) - 1} more)" if len(paths) > 1 else ""
    raise MachineError(
        f"The data remote {store.url} {fault} {store.key(contents[paths[0]])}, which is "
        f"{paths[0]} of {version}{more}; {remedy}publish the version again from a folder that "
        "has it."
    )


def _usable(folder: Path, wanted: Collection[str]) -> set[str]:
    """Return the objects that an earlier pull has left whole, and clear the others."""
    folder.mkdir(exist_ok=True)
    found = hash_files(folder) if any(folder.iterdir()) else {}
    usable = {md5 for path, md5 in found.items() if path == md5 and md5 in wanted}
    for path in found.keys() - usable:
        (folder / path).unlink()
    return usable


def _cut_short(
    store: Remote, error: BaseException, folder: Path, wanted: Collection[str]
) -> RlrError:
    failure = explain(store, error)
    if getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
        shutil.rmtree(folder)  # others on this disk need the space
        return failure
    here = len(list(folder.iterdir()))
    if not here:
        return failure
    kept = f"({here} of {len(wanted)} objects are here and stay for the next pull)"
    return type(failure)(f"{str(failure).removesuffix('.')} {kept}.")


def _download(store: Remote, wanted: list[str], folder: Path) -> dict[str, BaseException]:
    """Fetch objects into a folder; stop after a failure, and return it by md5."""
    from dvc_objects.fs import localfs
    from dvc_objects.fs.generic import transfer

    failures: dict[str, BaseException] = {}

    def note(_source: str, place: str, error: BaseException) -> None:
        failures[Path(place).name] = error

    batches = [wanted[start : start + BATCH] for start in range(0, len(wanted), BATCH)]
    for batch in track(batches, f"Pulling {len(wanted)} objects"):
        sources = [store.key(md5) for md5 in batch]
        places = [str(folder / md5) for md5 in batch]
        try:
            transfer(store.odb.fs, sources, localfs, places, on_error=note)
        except Exception as error:  # a batch of one raises instead of calling back
            note(sources[0], places[0], error)
        if failures:
            break
    return failures


def _arrange(contents: Mapping[str, str], objects: Path, folder: Path) -> None:
    """Move objects to the paths of their files; of equal files each gets bytes of its own."""
    last = {md5: path for path, md5 in contents.items()}
    for path, md5 in contents.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if last[md5] == path:
            (objects / md5).rename(place)
        else:
            shutil.copyfile(objects / md5, place)
    objects.rmdir()
