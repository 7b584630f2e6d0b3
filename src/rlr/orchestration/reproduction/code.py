"""Which code trains again: the running one where it is the same, else a checkout of the commit.

The other commit is put into a folder of its own that borrows the objects of the repository, so
nothing in the repository changes, and a killed reproduction leaves a folder and no more.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from rlr.foundation.build import LOCK_FILE, current_build, current_changes, source_checkout
from rlr.foundation.documents import file_sha256
from rlr.foundation.errors import UserError
from rlr.orchestration.reproduction.original import Original
from rlr.registry.facts import DIFF_TAG, NO_DIFF

COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Code:
    """The code that trains again.

    Attributes:
        checkout: Checkout to run; None: the code that is running now.
        is_same: Whether it is the code of the training.
        words: What it is, for people.
    """

    checkout: Path | None
    is_same: bool
    words: str


def find_code(original: Original, folder: Path, any_code: bool) -> Code:
    """Decide which code trains again.

    Args:
        original: What is stored of the training.
        folder: Where a checkout of another commit may be put.
        any_code: Whether the running code is taken, whatever the training used.

    Raises:
        UserError: The code of the training cannot be had here.
    """
    commit, dirty = original.tags.get("commit", "unknown"), original.tags.get("dirty")
    if _is_running(original):
        return Code(None, True, f"the running code, which is that of the training ({commit[:12]})")
    if any_code:
        return Code(None, False, "the running code, which is not that of the training")
    told = f"{original.name} cannot be reproduced: "
    otherwise = "; to compare with the running code all the same: --any-code"
    if not COMMIT.fullmatch(commit) or dirty not in ("true", "false"):
        raise UserError(f"{told}its commit is '{commit}'{otherwise}.")
    if dirty == "true" and original.diff is None:
        raise UserError(
            f"{told}it was trained by the commit {commit[:12]} with uncommitted changes that are "
            f"not stored{otherwise}."
        )
    repository = _repository()
    if repository is None:
        raise UserError(
            f"{told}it was trained by the commit {commit[:12]}, and the running code is another "
            f"and lies in no git checkout; run this inside of one{otherwise}."
        )
    _check_out(original, repository, commit, folder, otherwise)
    changes = " with its uncommitted changes" if original.diff else ""
    return Code(folder, True, f"a checkout of the commit {commit[:12]}{changes}")


def _is_running(original: Original) -> bool:
    """Return whether the running code is that of the training: commit and changes."""
    build = current_build()
    tags = original.tags
    if not COMMIT.fullmatch(build.commit) or build.commit != tags.get("commit"):
        return False
    if tags.get("dirty") == "false":
        return build.dirty is False
    changes = current_changes(0)  # of which the digest is enough
    mine = changes.sha256 if changes else NO_DIFF
    return tags.get("dirty") == "true" and mine == tags.get(DIFF_TAG) != NO_DIFF


def _repository() -> Path | None:
    checkout = source_checkout()
    return checkout if (checkout / ".git").exists() else None


def _check_out(
    original: Original, repository: Path, commit: str, folder: Path, otherwise: str
) -> None:
    objects = _git(repository, "rev-parse", "--path-format=absolute", "--git-path", "objects")
    if not _has(repository, commit):
        raise UserError(
            f"{original.name} cannot be reproduced: {repository} does not have its commit "
            f"{commit[:12]}; fetch it (git fetch --all){otherwise}."
        )
    if not (folder / ".git" / "HEAD").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet")
        (folder / ".git" / "objects" / "info" / "alternates").write_text(f"{objects}\n")
    _git(folder, "checkout", "--quiet", "--force", "--detach", commit)
    _git(folder, "clean", "--quiet", "--force", "-d")
    if original.diff:
        _git(folder, "apply", "--binary", "-", given=original.diff)
    wanted, mine = file_sha256(folder / LOCK_FILE), current_build().lock_sha256
    if wanted != mine:
        raise UserError(
            f"{original.name} cannot be reproduced in this environment: the commit {commit[:12]} "
            f"locks other packages ({LOCK_FILE} {wanted[:12]}, here {mine[:12]}); check it out "
            f"elsewhere (git worktree add ../rlr-{commit[:7]} {commit[:12]}), `make install` "
            f"there, and run this again from there{otherwise}."
        )


def _has(repository: Path, commit: str) -> bool:
    try:
        _git(repository, "cat-file", "-e", f"{commit}^{{commit}}")
    except UserError:
        return False
    return True


def _git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    # A hook sets these for its own repository.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, input=given, capture_output=True, check=False, env=environment)
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())
        raise UserError(f"git {arguments[0]} failed in {folder} ({words[:300]}).")
    return done.stdout.decode().strip()
