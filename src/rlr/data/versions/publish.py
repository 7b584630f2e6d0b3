"""Putting a data version into a remote."""

from pathlib import Path

from rlr.data.versions.remote import Remote, explain, open_remote, reaching
from rlr.data.versions.snapshot import Snapshot, take_snapshot
from rlr.foundation.errors import UserError
from rlr.foundation.progress import track

BATCH = 256  # files a call, so that progress can be told


def publish(root: Path, remote: str | None = None) -> str:
    """Put the files of a folder into a remote, so that its version can be pulled anywhere.

    Files that the remote has are not sent again. The list of files goes last: a version is in
    the remote as a whole or, to all readers, not at all.

    Args:
        root: Folder with the data.
        remote: Folder or URL; None: the default remote.

    Returns:
        The data version.

    Raises:
        UserError: The folder is missing or empty, or the remote refuses.
        MachineError: The remote cannot be reached.
    """
    snapshot = take_snapshot(root)
    if not snapshot.objects:
        raise UserError(f"{root} is empty; there is nothing to publish.")
    store = open_remote(remote)
    with reaching(store):
        _send_files(snapshot, store)
        store.odb.add(snapshot.tree.path, snapshot.tree.fs, snapshot.tree.oid)
    return snapshot.version


def _send_files(snapshot: Snapshot, store: Remote) -> None:
    from dvc_objects.fs import localfs

    # Files of the same bytes are one object.
    files = {md5: str((snapshot.root / path).absolute()) for path, md5 in snapshot.objects.items()}
    missing = sorted(files.keys() - set(store.odb.oids_exist(list(files))))
    failures: list[tuple[str, BaseException]] = []
    batches = [missing[start : start + BATCH] for start in range(0, len(missing), BATCH)]
    for batch in track(batches, f"Publishing {len(missing)} files"):
        store.odb.add(
            [files[md5] for md5 in batch],
            localfs,
            batch,
            check_exists=False,
            on_error=lambda md5, error: failures.append((md5, error)),
        )
        if failures:
            raise explain(store, failures[0][1]) from failures[0][1]
