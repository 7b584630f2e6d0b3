"""`rlr card`: the model card of a version."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import (
    DEFAULT_CONFIG,
    ConfigOption,
    JsonOption,
    OutputOption,
    SetOption,
    read_config,
)
from rlr.cli.output import emit
from rlr.cli.reproduce import VersionArgument


def card(
    version: VersionArgument,
    output: OutputOption = Path(".rlr/card"),
    log: Annotated[
        bool, typer.Option("--log", help="Put it into the artifacts of the version's run, too.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the model card of a version, as Markdown and as a page."""
    settings = read_config(config, overrides)

    from rlr.registry.card import log_card, write_card
    from rlr.registry.lineage.query import require_reference
    from rlr.registry.server import connect

    client = connect(settings.registry)
    reference = require_reference(settings.registry, version)
    name = write_card(client, settings, reference, output)
    place = log_card(client, settings, name) if log else None
    document = {
        "version": name,
        "markdown": str(output / "card.md"),
        "page": str(output / "card.html"),
        "picture": str(output / "lineage.svg"),
        "artifact": place,
    }
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"{document['version']}: {document['markdown']}, {document['page']}"
    if document["artifact"]:
        yield f"In the artifacts of its run: {document['artifact']}"
