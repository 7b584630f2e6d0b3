"""Building the images from a checkout."""

import logging
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rlr.infrastructure.images.build_secrets import Secrets, collect
from rlr.infrastructure.images.client import find_client, inspect
from rlr.infrastructure.images.failures import explain, is_explained, tail
from rlr.infrastructure.images.names import ROLES, reference
from rlr.infrastructure.images.source import DOCKERFILE, Source, read_source
from rlr.infrastructure.images.steps import Steps

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Recipe:
    """How images are built.

    Attributes:
        base_image: Image to build on; None: the Dockerfile's.
        prefix: Registry and path in front of the names, with the slash; "": none.
        tag: Tag; None: the version of the package.
        ca_bundle: Certificates that the build trusts, PEM; None: those of the base image.
        network: Network of the build's steps, "default" or "host".
        fresh: Whether every layer is built anew.
    """

    base_image: str | None = None
    prefix: str = ""
    tag: str | None = None
    ca_bundle: Path | None = None
    network: str = "default"
    fresh: bool = False


DEFAULTS = Recipe()


@dataclass(frozen=True)
class Built:
    """An image that was built.

    Attributes:
        role: Target of the Dockerfile.
        reference: Its name.
        id: Its id, sha256:...
        size: Bytes, with the layers that it shares with others.
        seconds: How long the build took.
        commit: Commit of its code, with "-dirty" behind it where files differed.
    """

    role: str
    reference: str
    id: str
    size: int
    seconds: float
    commit: str


def build_images(
    root: Path, roles: Sequence[str] = ROLES, recipe: Recipe = DEFAULTS
) -> list[Built]:
    """Build images, one after another; what they share is built once.

    Args:
        root: The checkout.
        roles: Targets of the Dockerfile.
        recipe: How.

    Returns:
        The images, in the order of the roles.

    Raises:
        UserError: The lock and pyproject.toml disagree, the base image's name is none, or the
            certificate bundle is not there.
        MachineError: No daemon answers, the base image or the package index is not reached, or
            the disk is full. An image that was not built leaves the one of that name as it was.
    """
    source = read_source(root)
    secrets = collect(recipe.ca_bundle)
    client = find_client()
    return [_build(client, role, source, recipe, secrets) for role in roles]


def _build(client: str, role: str, source: Source, recipe: Recipe, secrets: Secrets) -> Built:
    name = reference(role, recipe.prefix, recipe.tag or source.version)
    logger.info("%s: building", name)
    start = time.monotonic()
    words = [client, *_words(role, name, source, recipe), *secrets.options(), str(source.root)]
    environment = {**secrets.environment(), "DOCKER_BUILDKIT": "1"}
    with _process(words, environment) as process:
        assert process.stdout is not None
        steps = Steps(name)
        steps.follow(secrets.redact(line) for line in process.stdout)
    if process.returncode:
        error = explain(steps.lines, name)
        if not is_explained(error):
            for line in tail(steps.lines):
                logger.info("%s", line)
        raise error
    seconds = time.monotonic() - start
    (facts,) = inspect(client, "image", name)
    logger.info("%s: built in %.1f s", name, seconds)
    return Built(role, name, facts["Id"], facts["Size"], round(seconds, 1), source.commit)


def _words(role: str, name: str, source: Source, recipe: Recipe) -> Iterator[str]:
    yield from ("build", "--progress", "plain", "--file", str(source.root / DOCKERFILE))
    yield from ("--target", role, "--tag", name, "--network", recipe.network)
    arguments = {
        "RLR_VERSION": source.version,
        "RLR_LOCK_SHA256": source.lock_sha256,
        "RLR_SOURCE_SHA256": source.sha256,
    }
    if source.commit != "unknown":
        arguments["RLR_COMMIT"] = source.commit
    if recipe.base_image:
        arguments["BASE_IMAGE"] = recipe.base_image
    for key, value in arguments.items():
        yield from ("--build-arg", f"{key}={value}")
    if recipe.fresh:
        yield "--no-cache"


@contextmanager
def _process(words: list[str], environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """Start the client; whatever ends this process ends the build too."""
    process = subprocess.Popen(
        words,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        yield process
        process.wait()
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()
