"""Is a data version in the remote, every object of it, and as it was put there?

`dvc pull` tells of a folder when one of its objects is missing or damaged. Here each such object
is named with the file it should be.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

from rlr.data.versions.contents import list_contents
from rlr.data.versions.remote import Remote, open_remote, reaching
from rlr.data.versions.snapshot import require_version
from rlr.foundation.progress import track

BLOCK = 2**20
EMPTY = hashlib.md5(b"", usedforsecurity=False).hexdigest()
WORKERS = 16  # requests at a time; they wait for the network

Facts = Mapping[str, Any]
Finding = Literal["missing", "damaged", "read", "etag", "present"]
FAULTS: tuple[Finding, ...] = ("missing", "damaged")


@dataclass(frozen=True)
class Fault:
    """An object that is not what it should be.

    Attributes:
        path: The file, relative to the folder of the data.
        key: Where its object lies in the remote.
        finding: "missing" or "damaged".
    """

    path: str
    key: str
    finding: Finding


@dataclass(frozen=True)
class Verified:
    """What was found in a remote.

    Attributes:
        url: The remote.
        files: Number of files of the version.
        objects: Number of objects by how they were looked at: `read` whole, by `etag`, or seen
            to be `present`; and `missing` or `damaged` ones.
        faults: One a file, by path.
    """

    url: str
    files: int
    objects: dict[str, int]
    faults: Sequence[Fault]


def verify(version: str, remote: str | None = None, deep: bool = False) -> Verified:
    """Look at every object of a data version in a remote.

    An S3 object that was put in one piece has its md5 for an ETag, and that is its name in the
    remote. Where the ETag is anything else (of several parts, encrypted) the object is read.

    Args:
        version: Data version, "<md5>.dir".
        remote: Folder or URL; None: the default remote.
        deep: Whether to read every object. Without it one in a folder is only looked for.

    Raises:
        UserError: The remote does not have the version, or refuses access.
        MachineError: It cannot be reached, or its list of the version's files is damaged.
    """
    require_version(version, "--version")
    store = open_remote(remote)
    contents = list_contents(store, version)
    hashes = sorted(set(contents.values()))
    with reaching(store), ThreadPoolExecutor(WORKERS) as pool:
        told = _listing(store)
        looked = pool.map(lambda md5: _look(store, md5, told(store.key(md5)), deep), hashes)
        label = f"Verifying {len(hashes)} objects"
        found = dict(zip(hashes, track(looked, label, total=len(hashes)), strict=True))
    faults = [
        Fault(path, store.key(md5), found[md5])
        for path, md5 in sorted(contents.items())
        if found[md5] in FAULTS
    ]
    return Verified(store.url, len(contents), dict(Counter(found.values())), faults)


def _listing(store: Remote) -> Callable[[str], Facts | None]:
    """Return what tells the facts of an object by its key, and None of one that is missing."""
    files = store.odb.fs
    if files.protocol == "local":
        return lambda key: files.info(key) if files.exists(key) else None
    files.fs.invalidate_cache()  # what this process has listed before may be gone
    listed: Mapping[str, Facts] = files.fs.find(store.odb.path, detail=True)  # 1000 a request
    return listed.get


def _look(store: Remote, md5: str, facts: Facts | None, deep: bool) -> Finding:
    if facts is None:
        return "missing"
    etag = str(facts.get("ETag", "")).strip('"')
    if not deep and etag == md5:
        return "etag"
    if not deep and not etag and (facts["size"] or md5 == EMPTY):
        return "present"
    try:
        return "read" if _read_md5(store, md5) == md5 else "damaged"
    except FileNotFoundError:  # since it was listed
        return "missing"


def _read_md5(store: Remote, md5: str) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with store.odb.fs.open(store.key(md5), "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
