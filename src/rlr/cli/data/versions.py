"""`rlr data pull|publish`: data versions and their remote."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.data.noun import FolderArgument, RemoteOption, app, settings_of
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit


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


def _publish_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Published {document['root']} as {document['data_version']}."
    if document["pin"]:
        yield f"Pinned in {document['pin']}."
