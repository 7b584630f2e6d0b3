"""What a data version holds, by the list of files that the remote has of it."""

import json

from rlr.data.versions.remote import Remote, explain
from rlr.foundation.errors import MachineError, UserError


def list_contents(store: Remote, version: str) -> dict[str, str]:
    """Return the md5 of each file of a version, by relative path, as the remote's list says.

    Args:
        store: The remote.
        version: Data version, "<md5>.dir".

    Raises:
        UserError: The remote does not have the version.
        MachineError: It cannot be reached, or the list is damaged.
    """
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
