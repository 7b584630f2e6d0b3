"""`rlr data import`: from a bucket or a folder to a new data version."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from rlr.cli.data.images import manifest_lines
from rlr.cli.data.noun import (
    MANIFEST,
    FolderArgument,
    ManifestOption,
    app,
    quoted_override,
    settings_of,
)
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit

LISTED = 10  # objects that were left out, named for people; --json has all


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="Where the cameras drop images: s3://BUCKET/PREFIX, or a folder."
        ),
    ],
    folder: FolderArgument = None,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="NAME", help="Class of images whose class nothing else tells."
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            metavar="CSV", help="Labels: a file here or an s3:// URL; columns key, label."
        ),
    ] = None,
    output: ManifestOption = MANIFEST,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch the new images of a bucket or folder into a data folder: a new data version."""
    chosen = [
        *(overrides or []),
        *quoted_override("data.intake.class_name", class_name),
        *quoted_override("data.intake.labels_csv", labels),
    ]
    settings = settings_of(config, chosen, folder).data

    from rlr.data.intake import import_images
    from rlr.data.manifest import write_manifest
    from rlr.data.summary import summarise

    imported = import_images(settings, source)
    write_manifest(imported.manifest, output)
    document = {
        "source": source,
        "root": settings.root,
        "data_version": imported.manifest.version,
        "parent": imported.parent,
        "new": imported.new,
        "bytes": imported.size,
        "known": imported.known,
        "changed": list(imported.changed),
        "left_out": [{"key": key, "reason": why} for key, why in imported.left_out.items()],
        "manifest": str(output),
        "images": len(imported.manifest.frame),
        "classes": summarise(imported.manifest),
    }
    emit(document, as_json, _import_lines)


def _import_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    for each in document["left_out"][:LISTED]:
        yield f"Left out: {each['key']}, which {each['reason']}."
    if len(document["left_out"]) > LISTED:
        yield f"Left out: {len(document['left_out']) - LISTED} more objects; --json names all."
    for key in document["changed"]:
        yield f"Changed: {key} is one more image; what was imported from there before stays."
    yield from manifest_lines(document)
    if not document["new"]:
        yield f"Nothing new: {document['known']} objects were imported before."
        return
    made_of = f", made of {document['parent']}" if document["parent"] else ""
    yield f"{document['new']} new images ({document['bytes'] / 1e6:.1f} MB){made_of}."
