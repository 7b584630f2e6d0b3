"""Which images of the project the daemon has."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlr.infrastructure.images.client import ask, find_client, inspect
from rlr.infrastructure.images.names import LOCK, REVISION, ROLE, ROLES, SOURCE, VERSION
from rlr.infrastructure.images.source import read_source


@dataclass(frozen=True)
class Present:
    """An image that is there.

    Attributes:
        role: Target of the Dockerfile.
        reference: One of its names.
        id: Its id, sha256:...
        digest: Reference by digest, as a cluster should name it; None: it was not pushed.
        size: Bytes, with the layers that it shares with others.
        created: Time of the build, ISO 8601.
        version: Version of the package.
        commit: Commit of its code, with "-dirty" behind it where files differed.
        lock_sha256: Digest of the lock file that was installed.
        current: Whether its code is that of the checkout now; None: there is no checkout.
    """

    role: str
    reference: str
    id: str
    digest: str | None
    size: int
    created: str
    version: str
    commit: str
    lock_sha256: str
    current: bool | None


def list_images(root: Path | None) -> list[Present]:
    """List the images that carry the project's labels, a line a name.

    Args:
        root: The checkout to compare with; None: there is none.

    Raises:
        MachineError: No daemon answers.
    """
    client = find_client()
    found = ask(client, "image", "ls", "--quiet", "--no-trunc", "--filter", f"label={ROLE}")
    code = read_source(root).sha256 if root else None
    ids = sorted(set(found.split()))
    present = [one for facts in inspect(client, "image", *ids) for one in _names(facts, code)]
    return sorted(present, key=lambda one: (ROLES.index(one.role), one.reference))


def _names(facts: dict[str, Any], code: str | None) -> Iterator[Present]:
    labels = facts["Config"]["Labels"]
    if labels[ROLE] not in ROLES:
        return
    for name in facts["RepoTags"] or ():
        yield Present(
            role=labels[ROLE],
            reference=name,
            id=facts["Id"],
            digest=_digest(name, facts["RepoDigests"] or ()),
            size=facts["Size"],
            created=facts["Created"],
            version=labels.get(VERSION, "unknown"),
            commit=labels.get(REVISION, "unknown"),
            lock_sha256=labels.get(LOCK, "unknown"),
            current=None if code is None else labels.get(SOURCE) == code,
        )


def _digest(name: str, digests: Sequence[str]) -> str | None:
    """Return the digest under the very repository of a name."""
    repository = name.rpartition(":")[0]
    return next((one for one in digests if one.partition("@")[0] == repository), None)
