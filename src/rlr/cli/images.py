"""`rlr images`: build the container images of the steps, and see which are there."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(name="images", help="The container images of the steps: build, list.")

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help="Checkout; without it, the nearest folder upwards that has pipelines/.",
    ),
]


class Target(StrEnum):
    """What can be built."""

    ALL = "all"
    PIPELINE = "pipeline"
    TRAIN = "train"


class Network(StrEnum):
    """Where the steps of a build find the package index."""

    DEFAULT = "default"
    HOST = "host"


@app.command()
def build(
    target: Annotated[Target, typer.Option("--target", help="Image to build.")] = Target.ALL,
    base_image: Annotated[
        str | None,
        typer.Option(
            "--base-image",
            metavar="REF",
            envvar="RLR_BASE_IMAGE",
            help="Image to build on; without it, the Dockerfile's.",
        ),
    ] = None,
    prefix: Annotated[
        str,
        typer.Option(
            "--prefix", metavar="TEXT", help="In front of the names, as in registry.example/team/."
        ),
    ] = "",
    tag: Annotated[
        str | None, typer.Option("--tag", help="Tag; without it, the version of the package.")
    ] = None,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(
            "--ca-bundle",
            metavar="FILE",
            envvar=["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"],
            help="Certificates that the build trusts, PEM; they stay out of the image.",
        ),
    ] = None,
    network: Annotated[
        Network,
        typer.Option("--network", help="host: where the daemon's own network leads nowhere."),
    ] = Network.DEFAULT,
    fresh: Annotated[bool, typer.Option("--no-cache", help="Build every layer anew.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Build the images from the checkout: its lock file, its code, its commit."""
    from dataclasses import asdict

    from rlr.foundation.checkout import find_checkout
    from rlr.infrastructure.images.build import Recipe, build_images
    from rlr.infrastructure.images.names import ROLES

    roles = ROLES if target is Target.ALL else (target.value,)
    recipe = Recipe(base_image, prefix, tag, ca_bundle, network.value, fresh)
    made = build_images(find_checkout(project), roles, recipe)
    emit({"images": [asdict(image) for image in made]}, as_json, _built_lines)


@app.command("list")
def list_(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the images that the Docker daemon has, and whether their code is the checkout's."""
    from dataclasses import asdict

    from rlr.foundation.checkout import find_checkout
    from rlr.foundation.errors import UserError
    from rlr.infrastructure.images.listing import list_images

    try:
        root = find_checkout(project)
    except UserError:
        if project is not None:
            raise
        root = None  # images can be listed anywhere; only the comparison is left out
    found = list_images(root)
    emit({"images": [asdict(image) for image in found]}, as_json, _present_lines)


def _built_lines(document: Mapping[str, Any]) -> "Iterator[RenderableType]":
    rows = [
        (
            image["role"],
            image["reference"],
            _short_id(image["id"]),
            _size(image["size"]),
            f"{image['seconds']:.1f} s",
            _short_commit(image["commit"]),
        )
        for image in document["images"]
    ]
    yield table(("role", "reference", "id", "size", "built in", "commit"), rows)


def _present_lines(document: Mapping[str, Any]) -> "Iterator[RenderableType]":
    if not document["images"]:
        yield "The Docker daemon has no image of the project; `rlr images build` makes them."
        return
    rows = [
        (
            image["role"],
            image["reference"],
            _short_id(image["id"]),
            _size(image["size"]),
            _short_commit(image["commit"]),
            image["current"],
            image["digest"],
        )
        for image in document["images"]
    ]
    yield table(("role", "reference", "id", "size", "commit", "current", "digest"), rows)


def _short_id(name: str) -> str:
    return name.removeprefix("sha256:")[:12]


def _short_commit(commit: str) -> str:
    number, dash, state = commit.partition("-")
    return f"{number[:12]}{dash}{state}"


def _size(size: int) -> str:
    return f"{size / 1e9:.2f} GB"
