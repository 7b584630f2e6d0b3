"""What a checkout holds beside its commit, as a patch that `git apply` takes.

The patch has every change of a tracked file, and the new files below the folders that a training
reads. It never has what git ignores, nor a file that by its name holds secrets.
"""

import hashlib
import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# A new file elsewhere, such as somebody's notes, changes no training.
CODE = ("src", "components", "pipelines", "configs", "pyproject.toml", "requirements.lock")
SECRETS = ("**/.env", "**/.env.*", "**/*.pem", "**/*.key", "**/*credentials*", "**/.netrc")
# Whatever the user's own settings say, the same change is the same patch.
FORM = (
    *("-c", "diff.noprefix=false", "-c", "diff.mnemonicPrefix=false", "-c", "core.quotePath=true"),
    *("-c", "diff.algorithm=myers", "-c", "diff.context=3", "-c", "diff.renames=false"),
)
OPTIONS = (
    *("--cached", "--binary", "--full-index", "--no-renames", "--no-color", "--no-ext-diff"),
    *("--no-textconv", "--src-prefix=a/", "--dst-prefix=b/"),
)
CHUNK = 1 << 20


@dataclass(frozen=True)
class Changes:
    """A patch against the commit.

    Attributes:
        sha256: Of the patch.
        size: Its bytes.
        patch: The patch itself; None where it is larger than what was allowed.
    """

    sha256: str
    size: int
    patch: bytes | None


def read_changes(checkout: Path, limit: int) -> Changes | None:
    """Return what a checkout holds beside its commit.

    Nothing is written into the repository: objects and index lie in a temporary folder.

    Args:
        checkout: Root of a git checkout.
        limit: Largest patch that is kept, in bytes; of a larger one only the digest is known.

    Returns:
        The patch; None where git cannot tell.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="rlr-diff.") as scratch:
            return _read(checkout, Path(scratch), limit)
    except (OSError, subprocess.CalledProcessError):
        return None


def _read(checkout: Path, scratch: Path, limit: int) -> Changes:
    objects = Path(_git(checkout, "rev-parse", "--path-format=absolute", "--git-path", "objects"))
    (scratch / "objects").mkdir()
    environment = {
        **os.environ,
        "GIT_INDEX_FILE": str(scratch / "index"),
        "GIT_OBJECT_DIRECTORY": str(scratch / "objects"),
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
    }
    _git(checkout, "read-tree", "HEAD", environment=environment)
    _git(checkout, "add", "--update", "--", ".", environment=environment)
    places = [place for place in CODE if (checkout / place).exists()]
    if places:
        _git(checkout, "add", "--", *places, environment=environment)
    left_out = [f":(exclude,glob,icase){pattern}" for pattern in SECRETS]
    words = ["git", "-C", str(checkout), *FORM, "diff", *OPTIONS, "HEAD", "--", ".", *left_out]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
    ) as process:
        assert process.stdout is not None
        changes = _take(iter(lambda: process.stdout.read(CHUNK), b""), limit)  # type: ignore[union-attr]
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, words)
    return changes


def _take(chunks: Iterator[bytes], limit: int) -> Changes:
    """Hash all of a patch, and keep it where it is no larger than the limit."""
    sha256, size, kept = hashlib.sha256(), 0, bytearray()
    for chunk in chunks:
        sha256.update(chunk)
        size += len(chunk)
        if size <= limit:
            kept += chunk
    return Changes(sha256.hexdigest(), size, bytes(kept) if size <= limit else None)


def _git(checkout: Path, *arguments: str, environment: dict[str, str] | None = None) -> str:
    words: Sequence[str] = ["git", "-C", str(checkout), *arguments]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=environment)
    return done.stdout.strip()
