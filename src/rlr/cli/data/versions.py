"""`rlr data pull|publish|verify|remote`: data versions and where they are kept."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.data.noun import FolderArgument, RemoteOption, app, settings_of
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rlr.config.data import DataConfig


VersionOption = Annotated[
    str | None,
    typer.Option(metavar="MD5.dir", help="Data version; without it, what data.dvc pins."),
]


@app.command()
def pull(
    version: VersionOption = None,
    remote: RemoteOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder to create; else the cache (RLR_DATA_CACHE) if any, else data.root.",
        ),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a data version, whole and checked; no git and no DVC repository is needed."""
    settings = read_config(config, overrides).data

    from rlr.data.versions import pull as pull_version
    from rlr.data.versions import pulled_folder

    wanted = _wanted(version, settings)
    target = output or pulled_folder(settings, wanted)
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
    settings = settings_of(config, overrides, folder).data

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
def verify(
    version: VersionOption = None,
    remote: RemoteOption = None,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every object, whatever the remote says of it.")
    ] = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look for each file of a data version in the remote; exit status 1 where one is not right."""
    settings = read_config(config, overrides).data

    from rlr.data.versions import verify as verify_version
    from rlr.foundation.errors import MachineError

    wanted = _wanted(version, settings)
    found = verify_version(wanted, remote or settings.remote, deep)
    document = {
        "remote": found.url,
        "data_version": wanted,
        "files": found.files,
        "objects": found.objects,
        "faults": [
            {"path": each.path, "key": each.key, "finding": each.finding} for each in found.faults
        ],
    }
    emit(document, as_json, _verify_lines)
    if found.faults:
        raise MachineError(
            f"{len(found.faults)} of {found.files} files of {wanted} are missing or damaged in "
            f"{found.url}; delete damaged objects, and publish the version again from a folder "
            "that has it."
        )


@app.command()
def remote(
    url: Annotated[str, typer.Argument(metavar="URL", help="Folder or s3://BUCKET/PATH.")],
    name: Annotated[str, typer.Option(metavar="NAME", help="What DVC calls it.")] = "storage",
    as_json: JsonOption = False,
) -> None:
    """Make a remote the default one (.dvc/config, verify = true), for `dvc` and `rlr` alike."""
    from rlr.data.versions import set_default_remote

    file = set_default_remote(url, name)
    document = {"remote": url, "name": name, "config": str(file)}
    emit(
        document,
        as_json,
        lambda found: [f"{found['remote']} is the default remote ({found['config']})."],
    )


def _wanted(version: str | None, settings: "DataConfig") -> str:
    from rlr.data.versions import find_pin, pinned_version

    return version or settings.version or pinned_version(find_pin() or Path())


def _verify_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if document["faults"]:
        rows = [(each["finding"], each["path"], each["key"]) for each in document["faults"]]
        yield table(("finding", "file", "object"), rows)
        return
    ways = {"read": "read whole", "etag": "by their ETag", "present": "seen to be there"}
    how = ", ".join(
        f"{document['objects'][name]} {words}"
        for name, words in ways.items()
        if name in document["objects"]
    )
    yield f"{document['remote']} holds {document['files']} files of {document['data_version']}."
    yield f"Objects: {how}."


def _publish_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Published {document['root']} as {document['data_version']}."
    if document["pin"]:
        yield f"Pinned in {document['pin']}."
