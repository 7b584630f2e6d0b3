"""`rlr config`: what a configuration resolves to, what may stand in it, whether it is right."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rich.table import Table

app = typer.Typer(name="config", help="Show, explain or check a configuration.")


@app.command()
def show(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print the complete configuration: every key with the value that holds."""
    resolved = read_config(config, overrides)
    emit(
        {"config": resolved.model_dump(mode="json")},
        as_json,
        lambda _document: [resolved.as_yaml().rstrip()],
    )


@app.command()
def schema(as_json: JsonOption = False) -> None:
    """List every key with its default and meaning; with --json, the JSON Schema."""
    from rlr.config import Config

    emit(Config.model_json_schema(), as_json, lambda _document: [_key_table()])


@app.command()
def validate(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check a configuration; exit status 2 and a sentence where it is wrong."""
    resolved = read_config(config, overrides)
    document = {"valid": True, "name": resolved.name, "digest": resolved.digest()}
    emit(document, as_json, _verdict_lines)


def _verdict_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Configuration '{document['name']}' is valid ({document['digest'][:12]})."


def _key_table() -> "Table":
    from rlr.config.describe import describe_keys

    rows = [(key.name, key.kind, key.default, key.meaning) for key in describe_keys()]
    return table(("key", "type", "default", "meaning"), rows)
