"""`rlr backbone`: weights of backbones on this machine: bring them, list them, check them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rich.console import RenderableType

    from rlr.backbones import Entry, WeightsStore

app = typer.Typer(
    name="backbone", help="Weights of backbones on this machine: fetch, import, list, verify."
)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="timm model name.")]
ReplaceOption = Annotated[
    bool, typer.Option("--replace", help="Put these in the place of other weights of that name.")
]


@app.command()
def fetch(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="timm model name, with its tag where it has several; without it, the "
            "configuration's backbone.",
        ),
    ] = None,
    replace: ReplaceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch weights from the hub into the store; exit status 1 where it cannot be reached."""
    settings = read_config(config, overrides).features.backbone

    from rlr.backbones import open_weights_store
    from rlr.features.bringing import fetch_weights

    store = open_weights_store(settings)
    entry, written = fetch_weights(store, name or settings.name, replace)
    emit(_brought(store, entry, written), as_json, _brought_lines)


@app.command("import")
def import_(
    name: NameArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Safetensors file or timm checkpoint.")
    ],
    sha256: Annotated[
        str | None,
        typer.Option("--sha256", metavar="HEX", help="Hash that the file must have."),
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--options",
            metavar="KEY=VALUE",
            help="Argument of timm.create_model that the weights were made with, as in "
            "pad_type=same; repeat.",
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option("--mean", metavar="R,G,B", help="What the images were normalised with."),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option("--std", metavar="R,G,B", help="What the images were normalised with."),
    ] = None,
    licence: Annotated[
        str | None, typer.Option("--licence", metavar="TEXT", help="Licence of the weights.")
    ] = None,
    replace: ReplaceOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring weights from a file into the store, once they are known to fit the architecture."""
    settings = read_config(config, overrides).features.backbone
    given = {"--mean": mean, "--std": std}
    channels = {key: _three(key, text) for key, text in given.items()}
    digest = _digest(sha256)
    arguments = _arguments(options or [])

    from rlr.backbones import open_weights_store
    from rlr.features.bringing import Making, import_weights

    store = open_weights_store(settings)
    making = Making(arguments, channels["--mean"], channels["--std"], licence)
    entry, written = import_weights(store, name, file, making, digest, replace)
    emit(_brought(store, entry, written), as_json, _brought_lines)


@app.command("list")
def list_(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the weights of the package and of the store: size, hash, origin, normalisation."""
    settings = read_config(config, overrides).features.backbone

    from rlr.backbones import open_weights_store
    from rlr.foundation.errors import UserError

    store = open_weights_store(settings)
    read = list(store.entries())
    document = {
        "store": str(store.folder),
        "packaged": list(_packaged()),
        "stored": [_stored(entry) for entry in read if not isinstance(entry, UserError)],
        "unreadable": [str(entry) for entry in read if isinstance(entry, UserError)],
    }
    emit(document, as_json, _list_lines)


@app.command()
def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="timm model name; without it, all.")
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check hash, content and architecture of weights; exit status 1 where one is damaged."""
    settings = read_config(config, overrides).features.backbone

    from dataclasses import asdict

    from rlr.backbones import open_weights_store
    from rlr.features.verify import verify_weights
    from rlr.foundation.progress import track

    store = open_weights_store(settings)
    looks = [asdict(one) for one in track(verify_weights(store, name), "Looking")]
    sound = all(one["fault"] is None for one in looks)
    document = {"store": str(store.folder), "sound": sound, "backbones": looks}
    emit(document, as_json, _verify_lines)
    if not sound:
        raise typer.Exit(1)


def _three(option: str, text: str | None) -> tuple[float, float, float] | None:
    from rlr.foundation.errors import UserError

    if text is None:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError as error:
        raise UserError(
            f"{option} {text}: write three numbers, such as 0.485,0.456,0.406."
        ) from error
    return red, green, blue


def _digest(text: str | None) -> str | None:
    import re

    from rlr.foundation.errors import UserError

    if text is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise UserError(f"--sha256 {text}: write all 64 hexadecimal digits.")
    return text


def _arguments(words: list[str]) -> dict[str, str | int | float | bool]:
    from rlr.config.text import parse_yaml
    from rlr.foundation.errors import UserError

    arguments = {}
    for word in words:
        key, equals, text = word.partition("=")
        value = parse_yaml(text) if equals and key else None
        if not isinstance(value, str | int | float | bool):
            raise UserError(f"--options {word}: write key=value, such as pad_type=same.")
        arguments[key] = value
    return arguments


def _brought(store: "WeightsStore", entry: "Entry", written: bool) -> dict[str, Any]:
    return {"store": str(store.folder), "written": written, **_stored(entry)}


def _stored(entry: "Entry") -> dict[str, Any]:
    record = entry.record.model_dump(mode="json", exclude={"schema_version"})
    return {**record, "path": str(entry.weights)}


def _packaged() -> Iterator[dict[str, Any]]:
    from rlr.backbones import packaged_names, packaged_weights
    from rlr.foundation.documents import file_sha256

    for name in packaged_names():
        path = packaged_weights(name)
        assert path is not None
        size = path.stat().st_size
        yield {"name": name, "sha256": file_sha256(path), "bytes": size, "path": str(path)}


def _brought_lines(document: Mapping[str, Any]) -> Iterator[str]:
    if document["written"]:
        yield f"{document['name']}: {document['parameters'] / 1e6:.1f} million values."
    else:
        yield f"{document['name']} was there already, the same; nothing was written."
    yield f"File:    {document['path']}"
    yield f"sha256:  {document['sha256']}"
    yield f"Licence: {document['licence'] or 'not known'}"
    yield (
        f"Use it with features.backbone: {{name: {document['name']}, weights: store}}, images "
        f"normalised with mean {document['mean']} and std {document['std']}."
    )


def _list_lines(document: Mapping[str, Any]) -> "Iterator[RenderableType]":
    rows = [
        (entry["name"], "package", _size(entry), entry["sha256"][:12], None, None, None, None)
        for entry in document["packaged"]
    ]
    rows += [
        (
            entry["name"],
            "store",
            _size(entry),
            entry["sha256"][:12],
            f"{entry['source']['kind']}: {entry['source']['place']}",
            _listed(entry["mean"]),
            _listed(entry["std"]),
            entry["licence"],
        )
        for entry in document["stored"]
    ]
    yield f"Store: {document['store']}"
    if rows:
        yield table(("name", "in", "size", "sha256", "from", "mean", "std", "licence"), rows)
    else:
        yield "There are no weights; `rlr backbone fetch` or `rlr backbone import` brings some."
    yield from document["unreadable"]


def _verify_lines(document: Mapping[str, Any]) -> "Iterator[RenderableType]":
    if not document["backbones"]:
        yield f"No weights in {document['store']}, and none in the package."
        return
    rows = [
        ("damaged" if one["fault"] else "ok", one["name"], one["path"], one["fault"])
        for one in document["backbones"]
    ]
    yield table(("", "name", "file", "fault"), rows)


def _size(entry: Mapping[str, Any]) -> str:
    return f"{entry['bytes'] / 1e6:.1f} MB"


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)
