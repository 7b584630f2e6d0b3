"""Where a data version comes from, followed back through the remote, parent by parent."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.data.versions.contents import list_contents
from rlr.data.versions.parentage import PARENTAGE_FILE, check_parentage, read_parent
from rlr.data.versions.remote import Remote, explain, open_remote
from rlr.data.versions.snapshot import require_version, take_snapshot
from rlr.foundation.errors import UserError


@dataclass(frozen=True)
class Ancestor:
    """One version of a history.

    Attributes:
        version: Data version.
        files: Number of its files; None where its list could not be had.
        note: What it says about where it comes from; None where it says nothing.
        missing: Why nothing more is known, or "".
    """

    version: str
    files: int | None
    note: dict[str, Any] | None
    missing: str = ""

    @property
    def parent(self) -> str | None:
        """The version that it was made from, or None."""
        return self.note["parent"] if self.note else None


def history_of_folder(root: Path, remote: str | None) -> list[Ancestor]:
    """Return the history of what lies in a folder, the newest first.

    The folder tells its own parent; the ancestors are looked up in the remote, without fetching
    their images. The history ends at a version that says nothing of a parent, or that the remote
    does not have.

    Args:
        root: Folder with the data.
        remote: Folder or URL; None: the default remote, which is asked only where it is needed.

    Raises:
        UserError: The folder is missing.
        MachineError: The remote cannot be reached.
    """
    snapshot = take_snapshot(root)
    newest = Ancestor(snapshot.version, len(snapshot.objects), read_parent(root))
    return [newest, *_ancestors(newest.parent, remote)]


def history_of_version(version: str, remote: str | None) -> list[Ancestor]:
    """Return the history of a version in a remote; as `history_of_folder`."""
    return _ancestors(require_version(version, "--version"), remote)


def descends(version: str, ancestor: str, remote: str | None) -> bool:
    """Return whether a version in a remote is another one, or was made from it.

    A history that breaks off before it comes to the other one has not come from it, as far as
    anybody knows.

    Raises:
        MachineError: The remote cannot be reached.
    """
    return any(one.version == ancestor for one in _walk(version, remote))


def _ancestors(version: str | None, remote: str | None) -> list[Ancestor]:
    return list(_walk(version, remote))


def _walk(version: str | None, remote: str | None) -> Iterator[Ancestor]:
    store: Remote | None = None
    while version:
        try:
            store = store or open_remote(remote)
            found = _look_up(store, version)
        except UserError as error:
            found = Ancestor(version, None, None, str(error))
        yield found
        version = found.parent


def _look_up(store: Remote, version: str) -> Ancestor:
    objects = list_contents(store, version)
    if PARENTAGE_FILE not in objects:
        return Ancestor(version, len(objects), None)
    key = store.key(objects[PARENTAGE_FILE])
    try:
        with store.odb.fs.open(key, "rb") as file:
            document = json.loads(file.read())
    except ValueError as error:
        raise UserError(f"{key} in {store.url} is no JSON; publish {version} again.") from error
    except Exception as error:
        raise explain(store, error) from error
    return Ancestor(version, len(objects), check_parentage(document, f"{key} in {store.url}"))
