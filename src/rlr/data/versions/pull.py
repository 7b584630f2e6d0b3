"""Fetching a data version from a remote: whole and checked, or not at all."""

import json
from pathlib import Path

from rlr.data.versions.remote import Remote, explain, open_remote
from rlr.data.versions.snapshot import hash_files, holds, require_version
from rlr.data.workplace import workplace
from rlr.foundation.errors import MachineError, UserError
from rlr.foundation.progress import track

BATCH = 256  # files a call, so that progress can be told


def pull(version: str, remote: str | None, target: Path) -> None:
    """Fetch a data version into a folder.

    The folder appears under its name only when every file is there and has the md5 that the
    version says. Processes that want the same folder, on this machine or on others that share
    the disk, wait for one another, and what a killed one left behind is cleared by the next.

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
        files.mkdir()
        _fetch(open_remote(remote), version, files)
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


def _fetch(store: Remote, version: str, folder: Path) -> None:
    objects = list_objects(store, version)
    for path, error in _download(store, objects, folder).items():
        if isinstance(error, FileNotFoundError):
            raise MachineError(
                f"The data remote {store.url} misses {store.key(objects[path])}, which is {path} "
                f"of {version}; publish the version again from a folder that has it."
            ) from error
        raise explain(store, error) from error
    found = hash_files(folder)
    damaged = sorted(path for path, md5 in objects.items() if found.get(path) != md5)
    if damaged:
        more = f" (and of {len(damaged) - 1} more files)" if len(damaged) > 1 else ""
        raise MachineError(
            f"The data remote {store.url} holds a damaged {store.key(objects[damaged[0]])}, which "
            f"is {damaged[0]} of {version}{more}; delete that object and publish the version "
            "again from a folder that has it."
        )


def list_objects(store: Remote, version: str) -> dict[str, str]:
    """Return the md5 of each file of a version, by relative path, as the remote's list says."""
    try:
        with store.odb.fs.open(store.key(version), "rb") as file:
            listed = file.read()
    except FileNotFoundError as error:
        raise UserError(
            f"The data remote {store.url} does not have the data version {version} "
            f"({store.key(version)}); publish it there, or name another (data.remote)."
        ) from error
    except Exception as error:
        raise explain(store, error) from error
    try:
        return _read_list(listed, version)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise MachineError(
            f"The list of files of {version} is damaged in the data remote {store.url} "
            f"({store.key(version)}); delete that object and publish the version again."
        ) from error


def _read_list(listed: bytes, version: str) -> dict[str, str]:
    from dvc_data.hashfile.tree import Tree

    tree = Tree.from_list(json.loads(listed), hash_name="md5")
    tree.digest()
    objects = {"/".join(parts): str(info.value) for parts, _, info in tree}
    outside = [path for path in objects if path.startswith("/") or ".." in path.split("/")]
    if tree.oid != version or outside:
        raise ValueError(f"its md5 is {tree.oid}; paths outside of the folder: {outside}")
    return objects


def _download(store: Remote, objects: dict[str, str], folder: Path) -> dict[str, BaseException]:
    """Fetch objects to their places; stop after a failure, and return it by relative path."""
    from dvc_objects.fs import localfs
    from dvc_objects.fs.generic import transfer

    failures: dict[str, BaseException] = {}

    def note(_source: str, place: str, error: BaseException) -> None:
        failures[Path(place).relative_to(folder).as_posix()] = error

    for parent in {(folder / path).parent for path in objects}:
        parent.mkdir(parents=True, exist_ok=True)
    paths = list(objects)
    batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
    for batch in track(batches, f"Pulling {len(paths)} files"):
        sources = [store.key(objects[path]) for path in batch]
        places = [str(folder / path) for path in batch]
        try:
            transfer(store.odb.fs, sources, localfs, places, on_error=note)
        except Exception as error:  # a batch of one raises instead of calling back
            note(sources[0], places[0], error)
        if failures:
            break
    return failures
