"""The noun `data`, and what its verbs have in common."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlr.cli.options import read_config

if TYPE_CHECKING:
    from rlr.config import Config

app = typer.Typer(name="data", help="Images: list, generate, import, fetch, publish, validate.")

FolderArgument = Annotated[
    Path | None,
    typer.Argument(metavar="DIR", help="Folder with the images; without it, data.root."),
]
RemoteOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Folder or s3:// URL; without it, the default remote."),
]
ManifestOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="FILE", help="Manifest to write.")
]
MANIFEST = Path(".rlr/manifest.parquet")


def settings_of(config: str, overrides: list[str] | None, folder: Path | None) -> "Config":
    """Load the configuration, with `data.root` set to the folder where one was given."""
    return read_config(config, [*(overrides or []), *root_override(folder)])


def root_override(folder: Path | None) -> list[str]:
    """Return the override that sets `data.root`, or none."""
    return quoted_override("data.root", str(folder) if folder else None)


def quoted_override(key: str, value: str | None) -> list[str]:
    """Return the override that sets a key to a text, or none."""
    # Quoted: a folder may be called 2024 or "a: b", which YAML would take for something else.
    return [f"{key}={json.dumps(value)}"] if value is not None else []
