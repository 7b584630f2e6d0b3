"""`rlr schedule validate` and `schema`."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table
from rlr.cli.pipeline import ProjectOption

FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="Schedules; without it, the checkout's own."),
]


def validate(
    file: FileOption = None, project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """Check the schedules, and list them; exit status 2 and a sentence where one is wrong."""
    from rlr.orchestration.project import find_project
    from rlr.orchestration.schedules.declared import read_declared
    from rlr.orchestration.schedules.describe import describe

    declared = read_declared(find_project(project), file)
    emit(describe(declared), as_json, _lines)


def schema(as_json: JsonOption = False) -> None:
    """List the keys of schedules.yaml with their defaults; with --json, the JSON Schema."""
    from rlr.config.schedules import Schedules

    emit(Schedules.model_json_schema(), as_json, _key_lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"{document['file']}: {len(document['schedules'])} schedules, all in order."
    rows = [
        (
            one["name"],
            one["pipeline"],
            one["when"],
            one["timezone"],
            one["enabled"],
            one["next_fire"],
        )
        for one in document["schedules"]
    ]
    if rows:
        yield table(("schedule", "pipeline", "when", "time zone", "enabled", "next"), rows)


def _key_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    from rlr.config.describe import describe_schema

    rows = [(key.name, key.kind, key.default, key.meaning) for key in describe_schema(document)]
    yield table(("key", "type", "default", "meaning"), rows)
