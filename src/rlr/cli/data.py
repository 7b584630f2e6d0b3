"""`rlr data`: list images, generate a set, fetch and publish versions, validate."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rlr.config import Config

app = typer.Typer(name="data", help="Images: list, generate, fetch, publish and validate them.")

FolderArgument = Annotated[
    Path | None,
    typer.Argument(metavar="DIR", help="Folder with the images; without it, data.root."),
]
RemoteOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Folder or s3:// URL; without it, the default remote."),
]


@app.command()
def index(
    folder: FolderArgument = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Manifest to write.")
    ] = Path(".rlr/manifest.parquet"),
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List all images in a manifest (parquet) and show what there is a class."""
    settings = _settings(config, overrides, folder).data

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
    emit(document, as_json, _index_lines)


@app.command()
def synth(
    folder: FolderArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Generate an industrial inspection set, the same pictures everywhere, free of licences."""
    settings = _settings(config, overrides, folder)

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
def pull(
    version: Annotated[
        str | None,
        typer.Option(metavar="MD5.dir", help="Data version; without it, what data.dvc pins."),
    ] = None,
    remote: RemoteOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to create; else data.root."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a data version, whole and checked; no git and no DVC repository is needed."""
    settings = read_config(config, overrides).data

    from rlr.data.versions import find_pin, pinned_version
    from rlr.data.versions import pull as pull_version

    wanted = version or settings.version or pinned_version(find_pin() or Path())
    target = output or Path(settings.root)
    pull_version(wanted, remote or settings.remote, target)
    document = {"root": str(target), "data_version": wanted}
    emit(document, as_json, lambda found: [f"{found['root']} holds {found['data_version']}."])


@app.command()
def publish(
    folder: FolderArgument = None,
    remote: RemoteOption = None,
    pin: Annotated[
        bool, typer.Option("--pin", help="Also write data.dvc, which pins the version.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put a folder into the remote as a data version, so that it can be pulled anywhere."""
    settings = _settings(config, overrides, folder).data

    from rlr.data.versions import find_pin
    from rlr.data.versions import pin as pin_version
    from rlr.data.versions import publish as publish_version

    version = publish_version(Path(settings.root), remote or settings.remote)
    project = (find_pin() or Path.cwd()) if pin else None
    if project:
        pin_version(Path(settings.root), project)
    document = {
        "root": settings.root,
        "data_version": version,
        "pin": str(project / "data.dvc") if project else None,
    }
    emit(document, as_json, _publish_lines)


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
    chosen = [*(overrides or []), *_root_override(folder)]

    from rlr.foundation.documents import read_json
    from rlr.foundation.errors import UserError
    from rlr.orchestration import steps

    validated = steps.validate_data(config, chosen, output)
    document = {**read_json(output / "validation.json"), "report": str(validated.report)}
    emit(document, as_json, _validation_lines)
    if not validated.passed:
        raise UserError(validated.reason)


def _settings(config: str, overrides: list[str] | None, folder: Path | None) -> "Config":
    return read_config(config, [*(overrides or []), *_root_override(folder)])


def _root_override(folder: Path | None) -> list[str]:
    # Quoted: a folder may be called 2024 or "a: b", which YAML would take for something else.
    return [f"data.root={json.dumps(str(folder))}"] if folder else []


def _index_lines(document: Mapping[str, Any]) -> Iterator[Any]:
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


def _publish_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Published {document['root']} as {document['data_version']}."
    if document["pin"]:
        yield f"Pinned in {document['pin']}."


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
