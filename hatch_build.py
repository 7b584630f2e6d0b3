"""Bake the identity of the code into what is built, so that nothing installed has to ask git.

The facts go into the wheel as `rlr/_build.json`, by way of a temporary file: the source tree
stays as it is. An editable install gets none, for it changes under the reader's hands.
"""

import hashlib
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FACTS = "_build.json"
LOCK = "requirements.lock"


class BuildHook(BuildHookInterface):
    """Adds the facts to a wheel, and to a source distribution for the wheel built from it."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before the files are collected; `version` is the kind of build."""
        root = Path(self.root)
        carried = root / "src" / "rlr" / FACTS  # unpacked from a source distribution
        if version == "editable" or carried.is_file():
            return
        self._folder = tempfile.TemporaryDirectory()
        facts = Path(self._folder.name) / FACTS
        facts.write_text(json.dumps(build_facts(root, self.metadata.version), indent=2) + "\n")
        inside = "rlr" if self.target_name == "wheel" else "src/rlr"
        build_data["force_include"][str(facts)] = f"{inside}/{FACTS}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Called by hatchling when the archive is written."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def build_facts(root: Path, version: str) -> dict[str, Any]:
    """Return version, commit, whether the tree differed from it, and the lock file's digest.

    The commit is that of git, or of `RLR_COMMIT` where there is no git to ask, as in an image
    build: 40 digits, with `-dirty` behind them where the tree differed.
    """
    commit, dirty = _commit(root)
    lock = hashlib.sha256((root / LOCK).read_bytes()).hexdigest()
    return {"version": version, "commit": commit, "dirty": dirty, "lock_sha256": lock}


def _commit(root: Path) -> tuple[str, bool | None]:
    given = os.environ.get("RLR_COMMIT")
    if given:
        return given.removesuffix("-dirty"), given.endswith("-dirty")
    try:
        if Path(_git(root, "rev-parse", "--show-toplevel")).resolve() != root.resolve():
            return "unknown", None  # unpacked inside somebody else's repository
        return _git(root, "rev-parse", "HEAD"), bool(_git(root, "status", "--porcelain"))
    except (OSError, subprocess.CalledProcessError):
        return "unknown", None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
