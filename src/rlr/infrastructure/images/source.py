"""What goes into the images: the files that a build sees, and how their state is named."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlr.foundation.checkout import git_state
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError

DOCKERFILE = Path("infra/docker/Dockerfile")
CONTEXT = DOCKERFILE.with_name("Dockerfile.dockerignore")
LOCK_FILE = "requirements.lock"
PACKAGE = "src/rlr/__init__.py"


@dataclass(frozen=True)
class Source:
    """The state of a checkout, as its images name it.

    Attributes:
        root: Folder of the checkout.
        version: Version of the package.
        commit: Git commit, with "-dirty" behind it where files differ from it; or "unknown".
        lock_sha256: Digest of the lock file.
        sha256: Digest of all files that a build sees: two images of the same have the same code.
    """

    root: Path
    version: str
    commit: str
    lock_sha256: str
    sha256: str


def read_source(root: Path) -> Source:
    """Look at a checkout.

    Raises:
        UserError: It cannot be built from, because a file is missing.
    """
    for needed in (DOCKERFILE, CONTEXT, Path(LOCK_FILE), Path(PACKAGE)):
        if not (root / needed).is_file():
            raise UserError(f"{root} has no {needed}; name a whole checkout of RLR Ops.")
    commit, dirty = git_state(root)
    return Source(
        root,
        _version(root / PACKAGE),
        f"{commit}-dirty" if dirty else commit,
        file_sha256(root / LOCK_FILE),
        _digest(root),
    )


def context_files(root: Path) -> Iterator[Path]:
    """Yield the files that a build sees, and the Dockerfile itself, sorted."""
    allowed = [root / name for name in context_names(root)] + [root / DOCKERFILE]
    files = {file for place in allowed for file in (place, *place.rglob("*")) if file.is_file()}
    yield from sorted(file for file in files if "__pycache__" not in file.parts)


def context_names(root: Path) -> list[str]:
    """Return the files and folders that the build's ignore list lets through."""
    lines = (root / CONTEXT).read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("!") for line in lines if line.startswith("!")]


def _digest(root: Path) -> str:
    total = hashlib.sha256()
    for file in context_files(root):
        name = file.relative_to(root).as_posix()
        total.update(f"{name}\0{file_sha256(file)}\0".encode())
    return total.hexdigest()


def _version(package: Path) -> str:
    for node in ast.parse(package.read_text(encoding="utf-8")).body:
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and node.targets[0].id == "__version__"
            and isinstance(node.value, ast.Constant)
        ):
            return str(node.value.value)
    raise UserError(f"{package} names no __version__; name a whole checkout of RLR Ops.")
