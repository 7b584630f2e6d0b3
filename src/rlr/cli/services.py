"""`rlr services`: S3, PostgreSQL and MLflow on this machine."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rlr.config.services import ServicesConfig
    from rlr.infrastructure.services import Status

app = typer.Typer(name="services", help="S3, PostgreSQL and MLflow on this machine: up, down.")


class EngineName(StrEnum):
    """What the services run in."""

    auto = "auto"
    docker = "docker"
    debian = "debian"


FolderOption = Annotated[
    Path | None,
    typer.Option("--folder", metavar="DIR", help="Their folder; without it, services.folder."),
]


@app.command()
def up(
    folder: FolderOption = None,
    env_file: Annotated[
        Path, typer.Option("--env-file", metavar="FILE", help="File of variables to write.")
    ] = Path(".env"),
    engine: Annotated[
        EngineName | None,
        typer.Option(help="Containers or Debian's packages; without it, services.engine."),
    ] = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start what does not answer, and write .env, which tells everybody else."""
    from rlr.infrastructure import services

    settings = _settings(config, overrides, folder, engine)
    started = services.up(settings, env_file)
    emit(_document(started), as_json, _up_lines)
    _require_health(started)


@app.command()
def status(
    folder: FolderOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every service; exit status 1 where one is not in order."""
    from rlr.infrastructure import services

    found = services.status(_settings(config, overrides, folder))
    emit(_document(found), as_json, _status_lines)
    _require_health(found)


@app.command()
def down(
    folder: FolderOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop the services and remove their .env; data stay in the folder."""
    from rlr.infrastructure import services

    stopped = services.down(_settings(config, overrides, folder))
    emit(_document(stopped), as_json, _down_lines)


def _settings(
    config: str,
    overrides: list[str] | None,
    folder: Path | None,
    engine: EngineName | None = None,
) -> "ServicesConfig":
    given = list(overrides or [])
    if folder is not None:
        given.append(f"services.folder={_quoted(folder)}")
    if engine is not None:
        given.append(f"services.engine={engine.value}")
    return read_config(config, given).services


def _quoted(path: Path) -> str:
    import json

    return json.dumps(str(path))


def _require_health(found: "Status") -> None:
    from rlr.foundation.errors import MachineError

    faults = found.faults()
    if faults:
        raise MachineError(
            f"Not in order: {'; '.join(faults)}. `rlr services up` starts what is down."
        )


def _document(found: "Status") -> dict[str, Any]:
    return {
        "engine": found.engine,
        "folder": str(found.folder),
        "env_file": str(found.env_file) if found.env_file else None,
        "services": [
            {
                "service": one.service,
                "address": one.address,
                "in_order": one.reason is None,
                "reason": one.reason,
                "daemons": one.daemons,
                "log": one.log,
            }
            for one in found.services
        ],
    }


def _up_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield from _status_lines(document)
    yield f"Variables: {document['env_file']} (every `rlr` command that runs beside it reads it)"


def _status_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    rows = [
        (
            one["service"],
            one["address"],
            "answers" if one["in_order"] else one["reason"],
            ", ".join(f"{name} {pid or '-'}" for name, pid in one["daemons"].items()),
        )
        for one in document["services"]
    ]
    yield table(("service", "address", "state", "processes"), rows)
    yield f"Data and logs: {document['folder']} ({document['engine']})"


def _down_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Stopped; data stay in {document['folder']}."
