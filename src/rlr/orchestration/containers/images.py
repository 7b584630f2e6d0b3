"""The images of a run, as the daemon holds them when it begins."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlr.foundation.errors import UserError
from rlr.infrastructure.images.names import SOURCE
from rlr.infrastructure.images.source import read_source

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image as DockerImage

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Image:
    """An image that steps run in.

    Attributes:
        reference: A name by which the daemon knows it.
        id: What the name meant when the run began, "sha256:...".
        user: Numeric user that it runs as, "10001" or "10001:10001".
    """

    reference: str
    id: str
    user: str

    def __str__(self) -> str:
        return f"{self.reference} ({self.id})"


def find_image(client: "DockerClient", reference: str, option: str, checkout: Path) -> Image:
    """Find an image in the daemon. None is ever pulled.

    Args:
        client: Client of the daemon.
        reference: Name with tag or digest, or id.
        option: Option of the command that names another.
        checkout: The checkout, to tell where an image holds other code.

    Raises:
        UserError: It is not there, has no name, or would run as root.
    """
    from docker.errors import ImageNotFound

    try:
        found = client.images.get(reference)
    except ImageNotFound as error:
        raise UserError(
            f"The image {reference} is not on this machine; build it with `rlr images build`, or "
            f"name another with {option}."
        ) from error
    user = found.attrs["Config"].get("User") or "root"
    if not _is_numeric(user) or user.partition(":")[0] == "0":
        raise UserError(
            f"The image {reference} runs as the user {user}; steps run as one with a number other "
            f"than 0 alone. Name another with {option}."
        )
    _tell_age(found, reference, checkout)
    return Image(_known_name(found, reference, option), str(found.id), user)


def _is_numeric(user: str) -> bool:
    return all(part.isdigit() for part in user.split(":"))


def _known_name(image: "DockerImage", reference: str, option: str) -> str:
    """Return the name by which Kubeflow's runner finds the image; one it cannot find it pulls."""
    names = [*image.tags, *(image.attrs.get("RepoDigests") or [])]
    for name in (reference, f"{reference}:latest"):
        if name in names:
            return name
    if not names:
        raise UserError(f"The image {reference} has no name; tag it, and name it with {option}.")
    return str(names[0])


def _tell_age(image: "DockerImage", reference: str, checkout: Path) -> None:
    """Say where an image holds other code than the checkout: it is the image's code that runs."""
    held = (image.labels or {}).get(SOURCE)
    try:
        current = read_source(checkout).sha256
    except UserError:  # a checkout of pipelines alone
        return
    if held and held != current:
        logger.warning(
            "The image %s holds other code than %s; `rlr images build` renews it.",
            reference,
            checkout,
        )
