"""Names of images: registry, repository, and a tag or a digest."""

import ipaddress
import re
from dataclasses import dataclass

from rlr.foundation.errors import UserError

DOCKER_HUB = "docker.io"
_WORD = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
REPOSITORY = re.compile(rf"{_WORD}(?:/{_WORD})*")
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class ImageReference:
    """A name of an image.

    Attributes:
        registry: Host, with its port if any; None: the name has one part alone and means an
            image of this machine or of the node.
        repository: Path of the image in the registry.
        tag: Its tag; None: there is a digest alone.
        digest: `sha256:` and 64 hex digits; None: the name is not pinned.
    """

    registry: str | None
    repository: str
    tag: str | None
    digest: str | None

    @property
    def is_local(self) -> bool:
        """Whether the registry is on this machine, and so speaks plain HTTP."""
        host = (self.registry or "").rpartition(":")[0] or (self.registry or "")
        return is_loopback(host)

    def pinned(self, digest: str) -> str:
        """Return the name with a digest in the place of the tag."""
        parts = [self.registry, self.repository] if self.registry else [self.repository]
        return f"{'/'.join(map(str, parts))}@{digest}"


def parse_image(text: str) -> ImageReference:
    """Take a name of an image apart.

    Args:
        text: As in `registry.example/team/rlr-train:1.2` or with `@sha256:...`.

    Raises:
        UserError: It is not such a name, or has neither tag nor digest.

    Example:
        >>> parse_image("registry.example:5000/team/rlr-train:1.2").repository
        'team/rlr-train'
    """
    name, at, digest = text.partition("@")
    head, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:  # the colon of a port
        head, tag = name, ""
    registry, repository = _split_registry(head)
    if not REPOSITORY.fullmatch(repository) or (tag and not TAG.fullmatch(tag)):
        raise UserError(
            f"'{text}' is not the name of an image; it looks like registry.example/rlr-train:1.2."
        )
    if at and not DIGEST.fullmatch(digest):
        raise UserError(f"The digest of '{text}' is not sha256: and 64 hex digits.")
    if not at and not tag:
        raise UserError(f"The image '{text}' has neither tag nor digest; give it one.")
    return ImageReference(registry, repository, tag or None, digest or None)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def _split_registry(name: str) -> tuple[str | None, str]:
    """Return registry and repository; the first part is a host if it looks like one."""
    first, slash, rest = name.partition("/")
    if not slash:
        return None, name
    if "." in first or ":" in first or first == "localhost":
        return first, rest
    return DOCKER_HUB, name
