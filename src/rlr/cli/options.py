"""Options that several commands share, each declared once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rlr.cli.output import reserve_stdout

if TYPE_CHECKING:
    from rlr.config import Config

DEFAULT_CONFIG = "published"


def _reserve_stdout(context: typer.Context, as_json: bool) -> bool:
    if as_json:
        context.with_resource(reserve_stdout())
    return as_json


ConfigOption = Annotated[
    str,
    typer.Option(
        "--config",
        metavar="FILE_OR_PRESET",
        help="YAML file, or a preset: default, published, dinov2, demo, tiny.",
        show_default=True,
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Override one value, as in training.epochs=5; repeat."
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        callback=_reserve_stdout,
        help="Print one JSON object on stdout, and everything else on stderr.",
    ),
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write.")
]


def read_config(source: str, overrides: list[str] | None) -> "Config":
    """Load the configuration that `--config` and `--set` name."""
    from rlr.config import load_config

    return load_config(source, overrides or ())
