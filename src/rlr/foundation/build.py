"""What code is running: version, commit, whether it was changed, and its lock file.

An installed package carries `_build.json`, written when the wheel was built, and asks nobody;
only in a source checkout is git asked.
"""

import functools
import json
import os
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path

from rlr.foundation.changes import Changes, read_changes
from rlr.foundation.checkout import git_state
from rlr.foundation.documents import file_sha256

LOCK_FILE = "requirements.lock"


@dataclass(frozen=True)
class Build:
    """Identity of the running code.

    Attributes:
        version: Version of the package.
        commit: Git commit, 40 hexadecimal digits, or "unknown".
        dirty: Whether the checkout differed from the commit; None where that cannot be known.
        lock_sha256: Digest of the lock file that the environment was installed from, or "unknown".
        image: Reference of the container image (`RLR_IMAGE`), or "" outside of one.
    """

    version: str
    commit: str
    dirty: bool | None
    lock_sha256: str
    image: str

    def as_dict(self) -> dict[str, str | bool | None]:
        return asdict(self)


@functools.cache
def current_build() -> Build:
    """Return the identity of the running code."""
    from rlr import __version__

    baked = resources.files("rlr").joinpath("_build.json")
    image = os.environ.get("RLR_IMAGE", "")
    if baked.is_file():
        facts = json.loads(baked.read_text())
        return Build(__version__, facts["commit"], facts["dirty"], facts["lock_sha256"], image)
    checkout = source_checkout()
    lock = checkout / LOCK_FILE
    lock_sha256 = file_sha256(lock) if lock.is_file() else "unknown"
    return Build(__version__, *git_state(checkout), lock_sha256, image)


def source_checkout() -> Path:
    """Return the checkout that the running code lies in, if it is not installed from a wheel."""
    return Path(__file__).resolve().parents[3]


@functools.cache
def current_changes(limit: int) -> Changes | None:
    """Return what the running code has beside its commit, as a patch.

    Args:
        limit: Largest patch that is kept, in bytes.

    Returns:
        The patch; None where nothing differs, or where nobody can tell: what is installed from a
        wheel has no checkout to ask.
    """
    baked = resources.files("rlr").joinpath("_build.json").is_file()
    return read_changes(source_checkout(), limit) if not baked and current_build().dirty else None
