"""Where a data version comes from: a note in its folder, which is part of the version itself.

    ROOT/.version.json    schema_version, parent, action, facts

The note holds no time and no name of a machine: the same action on the same parent gives the same
version everywhere. It is a hidden file, so that no layout takes it for an image.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlr.data.versions.snapshot import require_version
from rlr.foundation.documents import SCHEMA_VERSION, read_json, write_json
from rlr.foundation.errors import UserError

PARENTAGE_FILE = ".version.json"
ACTION = re.compile(r"[a-z][a-z-]*")


def record_parent(root: Path, parent: str | None, action: str, facts: Mapping[str, Any]) -> None:
    """Write down what a folder was made from, atomically; it is part of the version it becomes.

    Args:
        root: Folder with the data.
        parent: Data version that was changed; None: there was none.
        action: What was done, in one lower-case word: "import", "label", "remove" ...
        facts: What the action needs to be understood: plain JSON values, in an order that does
            not depend on the machine, and without times.

    Raises:
        UserError: The parent is no data version.
        MachineError: The disk is full or the folder cannot be written.

    Example:
        >>> record_parent(Path("data"), None, "import", {"images": 3})  # doctest: +SKIP
    """
    write_json(Path(root) / PARENTAGE_FILE, parentage(parent, action, facts))


def parentage(parent: str | None, action: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the note that `record_parent` writes; arguments and failures are the same."""
    assert ACTION.fullmatch(action), action
    if parent is not None:
        require_version(parent, "parent")
    return {
        "schema_version": SCHEMA_VERSION,
        "parent": parent,
        "action": action,
        "facts": dict(facts),
    }


def read_parent(root: Path) -> dict[str, Any] | None:
    """Return what a folder says it was made from, or None where it says nothing.

    Returns:
        `schema_version`, `parent` (a data version or None), `action` and `facts`.

    Raises:
        UserError: The note is no such document.
    """
    file = Path(root) / PARENTAGE_FILE
    return check_parentage(read_json(file), str(file)) if file.is_file() else None


def check_parentage(document: Any, where: str) -> dict[str, Any]:
    """Return a note of parentage, or raise a UserError where it is none.

    Args:
        document: What was read.
        where: What the error's sentence calls it.
    """
    fields = document if isinstance(document, dict) else {}
    parent = fields.get("parent")
    known = (
        fields.get("schema_version") == SCHEMA_VERSION
        and "parent" in fields
        and isinstance(fields.get("action"), str)
        and isinstance(fields.get("facts"), dict)
    )
    if not known or not (parent is None or isinstance(parent, str)):
        raise UserError(
            f"{where} does not say what the version was made from (schema_version "
            f"{SCHEMA_VERSION}, parent, action, facts); restore it from the version before."
        )
    if parent is not None:
        require_version(parent, where)
    return fields
