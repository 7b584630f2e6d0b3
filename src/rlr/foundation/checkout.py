"""The checkout: what lies beside the package and does not travel with it."""

import subprocess
from pathlib import Path

from rlr.foundation.errors import UserError

PIPELINES = "pipelines"


def find_checkout(folder: Path | None = None) -> Path:
    """Find the checkout.

    Args:
        folder: The checkout; None: the nearest folder, from the working directory upwards, that
            has `pipelines/`.

    Returns:
        Its folder, absolute.

    Raises:
        UserError: There is none.
    """
    if folder is not None:
        if not (folder / PIPELINES).is_dir():
            raise UserError(f"{folder} has no folder {PIPELINES}/; name a checkout of RLR Ops.")
        return folder.resolve()
    here = Path.cwd().resolve()
    for candidate in (here, *here.parents):
        if (candidate / PIPELINES).is_dir():
            return candidate
    raise UserError(
        f"Neither {here} nor a folder above it has {PIPELINES}/, which is not part of the package; "
        "change to a checkout of RLR Ops or name it with --project."
    )


def git_state(checkout: Path) -> tuple[str, bool | None]:
    """Return the commit of a checkout, and whether its files differ from it.

    Returns:
        40 hexadecimal digits and the answer, or "unknown" and None where git does not know.
    """
    try:
        commit = _git(checkout, "rev-parse", "HEAD")
        return commit, bool(_git(checkout, "status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", None


def _git(checkout: Path, *arguments: str) -> str:
    command = ["git", "-C", str(checkout), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
