"""`rlr runs`: what trainings and evaluations could not tell the tracking server yet."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

app = typer.Typer(name="runs", help="Runs: what waits for the tracking server, and sending it.")

FoldersArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="FOLDER...", help="Folders to search for spools; without any, .rlr."),
]


@app.command("list")
def show(folders: FoldersArgument = None, as_json: JsonOption = False) -> None:
    """List the spools and what they still hold; no server is asked."""
    from rlr.orchestration.spools import list_spools

    emit({"spools": list_spools(folders)}, as_json, _list_lines)


@app.command()
def sync(
    folders: FoldersArgument = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send what spools still hold; exit status 1 where something is left."""
    settings = read_config(config, overrides).registry

    from rlr.orchestration.spools import sync_spools

    spools = sync_spools(folders, settings)
    emit({"spools": spools}, as_json, _sync_lines)
    if any(spool["unsent"] or spool["problem"] for spool in spools):
        raise typer.Exit(1)


def _list_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    spools = document["spools"]
    if not spools:
        yield "No spools."
        return
    rows = [(spool["folder"], spool["sent"], spool["unsent"], spool["state"]) for spool in spools]
    yield table(("spool", "sent", "unsent", "state"), rows)
    yield from (spool["problem"] for spool in spools if spool["problem"])


def _sync_lines(document: Mapping[str, Any]) -> Iterator[str]:
    spools = document["spools"]
    if not spools:
        yield "No spools: nothing is left to send."
    for spool in spools:
        if spool["problem"]:
            yield spool["problem"]
        elif spool["sent_now"]:
            yield f"{spool['folder']}: {spool['sent_now']} entries sent."
    if spools and not any(spool["unsent"] or spool["problem"] for spool in spools):
        yield "Nothing is left to send."
