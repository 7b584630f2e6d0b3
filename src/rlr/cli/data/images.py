"""`rlr data index|synth|validate`: images that lie here."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.data.noun import (
    MANIFEST,
    FolderArgument,
    ManifestOption,
    app,
    root_override,
    settings_of,
)
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit, table


@app.command()
def index(
    folder: FolderArgument = None,
    output: ManifestOption = MANIFEST,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all images in a manifest (parquet) and show what there is a class."""
    settings = settings_of(config, overrides, folder).data

    from rlr.data.index import index_images
    from rlr.data.manifest import write_manifest
    from rlr.data.summary import summarise

    manifest = index_images(settings)
    write_manifest(manifest, output)
    document = {
        "root": settings.root,
        "data_version": manifest.version,
        "manifest": str(output),
        "images": len(manifest.frame),
        "classes": summarise(manifest),
    }
    emit(document, as_json, manifest_lines)


@app.command()
def synth(
    folder: FolderArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Generate an industrial inspection set, the same pictures everywhere, free of licences."""
    settings = settings_of(config, overrides, folder)

    from rlr.data.generated import generate_set
    from rlr.data.versions import find_pin, pinned_version

    version, is_new = generate_set(settings.synthetic, Path(settings.data.root))
    project = find_pin()
    document = {
        "root": settings.data.root,
        "data_version": version,
        "generated": is_new,
        "pinned": pinned_version(project) if project else None,
    }
    emit(document, as_json, _synth_lines)


@app.command()
def validate(
    folder: FolderArgument = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write.")
    ] = Path(".rlr/validation"),
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold the images against all expectations; exit status 2 where a critical one fails."""
    chosen = [*(overrides or []), *root_override(folder)]

    from rlr.foundation.documents import read_json
    from rlr.foundation.errors import UserError
    from rlr.orchestration import steps

    validated = steps.validate_data(config, chosen, output)
    document = {**read_json(output / "validation.json"), "report": str(validated.report)}
    emit(document, as_json, _validation_lines)
    if not validated.passed:
        raise UserError(validated.reason)


def manifest_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the table a class, and where the manifest lies."""
    columns = ("train", "validation", "test_good", "test_defective", "unlabelled", "masks")
    rows = [
        (
            record["class"],
            *(record[name] for name in columns),
            _listed(record["defects"]),
            _sizes(record["sizes"]),
            _listed(record["modes"]),
            record["unreadable"],
        )
        for record in document["classes"]
    ]
    headings = [name.replace("_", " ") for name in columns]
    yield table(("class", *headings, "defects", "size", "mode", "unreadable"), rows)
    yield f"{document['images']} images, data version {document['data_version']}"
    yield f"Manifest: {document['manifest']}"


def _synth_lines(document: Mapping[str, Any]) -> Iterator[str]:
    made = "Generated" if document["generated"] else "Already there:"
    yield f"{made} {document['root']}, data version {document['data_version']}."
    if document["pinned"] not in (None, document["data_version"]):
        yield f"data.dvc pins another one, {document['pinned']}."


def _validation_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    failed = [each for each in document["expectations"] if each["success"] is not True]
    if failed:
        rows = [(each["severity"], each["name"], each["observed"]) for each in failed]
        yield table(("severity", "expectation", "observed"), rows)
    if document["passed"]:
        yield document["sentence"]  # a failure is told as the error of the command
    yield f"Report: {document['report']}"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "-"


def _sizes(counts: Mapping[str, int]) -> str:
    if len(counts) < 2:
        return "".join(counts) or "-"
    sides = [tuple(map(int, size.split("x"))) for size in counts]
    low, high = (tuple(map(pick, zip(*sides, strict=True))) for pick in (min, max))
    return f"{low[0]}x{low[1]} to {high[0]}x{high[1]}"
