"""`rlr reproduce`: train a registered version again, and compare."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

VersionArgument = Annotated[
    str, typer.Argument(metavar="VERSION", help="3, @champion, models:/NAME/3 or with an alias.")
]


def reproduce(
    version: VersionArgument,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep everything that is made in a folder."),
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option("--threads", min=1, help="Threads of torch; without it, as at the training."),
    ] = None,
    any_code: Annotated[
        bool,
        typer.Option("--any-code", help="Train by the running code if it is another, too."),
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a version again from what is stored of it; exit status 1 where it comes out otherwise.

    What is trained comes from the version's run. Of the configuration only the registry, the
    places of the images (data.root, data.remote, data.cache) and `reproduction` are used.
    """
    settings = read_config(config, overrides)

    from rlr.orchestration.reproduction import reproduce as train_again
    from rlr.registry.lineage.query import require_reference

    reference = require_reference(settings.registry, version)
    document = train_again(settings, reference, keep, threads, any_code)
    emit({**document, "kept": str(keep) if keep else None}, as_json, _lines)
    if not document["reproduced"]:
        raise typer.Exit(1)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"Trained again by {document['code']}, with {document['threads'] or 'as many'} threads."
    if document["differences"]:
        yield "Compared by scores, for the same bytes cannot be asked for:"
        conditions = [(one["what"], one["then"], one["now"]) for one in document["differences"]]
        yield table(("condition", "then", "now"), conditions)
    else:
        yield (
            "Compared by weights: code, packages, torch's build, threads, processor and device "
            "are those of the training."
        )
        rows = [
            (part, file["tensors"], len(file["differing"]), file["then"][:12], file["now"][:12])
            for part, file in document["weights"]["files"].items()
        ]
        yield table(("weights", "tensors", "differing", "sha256 then", "sha256 now"), rows)
    yield document["sentence"]
    if document["kept"]:
        yield f"Kept in {document['kept']}."
