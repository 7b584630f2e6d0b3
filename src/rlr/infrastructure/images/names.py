"""What the images are called, and what they say of themselves."""

from rlr import __version__

# Targets of the Dockerfile; the second contains the layers of the first.
ROLES = ("pipeline", "train")

# Labels, as the Dockerfile writes them.
ROLE = "dev.rlr.role"
LOCK = "dev.rlr.lock.sha256"
SOURCE = "dev.rlr.source.sha256"
REVISION = "org.opencontainers.image.revision"
VERSION = "org.opencontainers.image.version"


def reference(role: str, prefix: str = "", tag: str = __version__) -> str:
    """Return the reference of an image.

    Args:
        role: One of `ROLES`.
        prefix: Registry and path, up to and with the last slash; "": the local daemon's.
        tag: Tag.

    Example:
        >>> reference("train", "registry.example/vision/", "1.2.0")
        'registry.example/vision/rlr-train:1.2.0'
    """
    return f"{prefix}rlr-{role}:{tag}"
