"""`rlr gc`: remove what is beyond its bounds and not referred to any more."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table

MIB = 2**20
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would go and what would not; remove nothing.")
]


def gc(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove old runs, checkpoints and caches (see retention); try it with --dry-run first."""
    settings = read_config(config, overrides)

    from rlr.orchestration.retention import collect

    document = collect(settings, dry_run)
    emit(document, as_json, _lines)
    if any(kind["problems"] for kind in document["kinds"]):
        raise typer.Exit(1)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    if not document["kinds"]:
        yield "No bounds are set, so everything is kept; see retention in `rlr config schema`."
        return
    yield f"Tracking server: {document['server']}"
    verb = "would go" if document["dry_run"] else "removed"
    for kind in document["kinds"]:
        yield (
            f"{kind['kind']}: {len(kind['removed'])} {verb} ({kind['bytes'] / MIB:.1f} MiB), "
            f"{len(kind['protected'])} protected, {kind['kept']} within their bounds"
        )
        rows = [_row(entry, entry["reason"]) for entry in kind["removed"]]
        rows += [
            _row(entry, f"stays: {'; '.join(entry['protection'])}") for entry in kind["protected"]
        ]
        if rows:
            yield table(("name", "MiB", "days", "why"), rows)
        yield from kind["problems"]


def _row(entry: Mapping[str, Any], why: str) -> tuple[str, float, float, str]:
    return entry["name"], round(entry["bytes"] / MIB, 1), round(entry["age_days"], 1), why
