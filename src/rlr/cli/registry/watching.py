"""`rlr registry watch`: so that serving follows the champion."""

from pathlib import Path
from typing import Annotated

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, SetOption, read_config
from rlr.cli.registry.noun import app

EveryOption = Annotated[
    float, typer.Option("--every", metavar="SECONDS", min=0.1, help="Between two questions.")
]
OnceOption = Annotated[bool, typer.Option("--once", help="Ask once, and end.")]
FileOption = Annotated[
    Path | None,
    typer.Option(
        "--file",
        metavar="FILE",
        help="JSON file that always holds the champion followed last; what it holds already is "
        "not told again.",
    ),
]
RunOption = Annotated[
    str,
    typer.Option(
        "--run",
        metavar="COMMAND",
        help="Command to run at a change: the champion comes as JSON on its standard input, and "
        "its address in RLR_CHAMPION_URI. Where it fails, it is run again later.",
    ),
]
# Lines of JSON are all that it prints.
JsonOption = Annotated[bool, typer.Option("--json", help="Accepted: it prints JSON anyway.")]


@app.command()
def watch(
    every: EveryOption = 10.0,
    once: OnceOption = False,
    file: FileOption = None,
    command: RunOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    _as_json: JsonOption = False,
) -> None:
    """Print the champion as a line of JSON, and each one that takes its place."""
    settings = read_config(config, overrides).registry

    from rlr.orchestration.watching import as_line
    from rlr.orchestration.watching import watch as follow

    for champion in follow(settings, every, once, file, command):
        typer.echo(as_line(champion))
