"""The `.env` file: all that anybody needs to know of the services, and nothing else."""

import os
from collections.abc import Mapping
from pathlib import Path

from rlr.foundation.atomic import atomic_file
from rlr.foundation.errors import UserError
from rlr.infrastructure.services.place import OWNER_ONLY

MARK = "# Written by `rlr services up`, removed by `rlr services down`: "


def require_ours(path: Path) -> None:
    """Refuse to replace a file that somebody else wrote.

    Raises:
        UserError: There is one, and it is not ours; or the file cannot be written.
    """
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise UserError(f"{path} cannot be written; name another file with --env-file.")
    if path.exists() and not _folder_in(path):
        raise UserError(
            f"{path} was not written by `rlr services` and is left as it is; name another file "
            "with --env-file, or move it away."
        )


def write_env_file(path: Path, folder: Path, variables: Mapping[str, str]) -> None:
    """Write variables, atomically and for their owner alone.

    Args:
        path: The file.
        folder: Folder of the services, which the first line names.
        variables: Plain values: letters, digits and what addresses are made of.
    """
    lines = [f"{MARK}{folder}", *(f"{name}={value}" for name, value in variables.items())]
    with atomic_file(path, OWNER_ONLY) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def remove_env_file(path: Path, folder: Path) -> None:
    """Remove the file of these services; one that tells of others stays."""
    if path.exists() and _folder_in(path) == str(folder):
        path.unlink()


def _folder_in(path: Path) -> str | None:
    """Return the folder that the first line names, or None where the file is not ours."""
    with path.open(encoding="utf-8", errors="replace") as file:
        first = file.readline().rstrip("\n")
    return first.removeprefix(MARK) if first.startswith(MARK) else None
