"""Programs of Debian's packages: where they are, and which packages are missing."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from rlr.foundation.errors import MachineError

POSTGRES_FOLDERS = Path("/usr/lib/postgresql")  # Debian keeps its servers there, off the PATH
PACKAGES = {
    "ceph-mon": "ceph-mon",
    "monmaptool": "ceph-common",
    "ceph": "ceph-common",
    "ceph-osd": "ceph-osd",
    "radosgw": "radosgw",
    "radosgw-admin": "radosgw",
    "initdb": "postgresql",
    "postgres": "postgresql",
}


def find(program: str) -> str | None:
    """Return the path of a program, or None where its package is not installed."""
    versions = sorted(POSTGRES_FOLDERS.glob("*"), key=_version, reverse=True)
    for folder in versions:
        if (folder / "bin" / program).is_file():
            return str(folder / "bin" / program)
    return shutil.which(program)


def program(name: str) -> str:
    """Return the path of a program that `require` has seen."""
    path = find(name)
    if path is None:
        raise MachineError(missing_sentence([PACKAGES[name]]))
    return path


def missing_packages() -> list[str]:
    """Return the packages that have to be installed, each once."""
    return sorted({package for program, package in PACKAGES.items() if find(program) is None})


def missing_sentence(packages: Iterable[str]) -> str:
    """Return what to do about missing packages."""
    return (
        "The services need packages that are not installed: run "
        f"`apt-get install --no-install-recommends {' '.join(packages)}`."
    )


def _version(folder: Path) -> int:
    return int(folder.name) if folder.name.isdigit() else 0
