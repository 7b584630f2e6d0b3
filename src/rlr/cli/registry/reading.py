"""What only reads: the versions, one of them, two of them, and the history of the champion."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit, table
from rlr.cli.registry.noun import NothingToWriteOption, VersionArgument, app

HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FILE", help="Page to write: the figure and the entries."),
]
HistoryDryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Do not write the page of --html.")
]
AllOption = Annotated[bool, typer.Option("--all", help="Every metric, not the means alone.")]
MEANS = ("default.mean.", "default.pooled.")
SECONDS = len("2026-01-31T12:00:00")


@app.command("list")
def show_all(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    _dry_run: NothingToWriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the versions, the newest first."""
    settings = read_config(config, overrides).registry

    from rlr.registry.overview import list_versions
    from rlr.registry.server import connect

    emit(list_versions(connect(settings), settings), as_json, _list_lines)


@app.command()
def show(
    version: VersionArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    _dry_run: NothingToWriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is known of one version: aliases, gate result, origin, its part in the history."""
    settings = read_config(config, overrides).registry

    from rlr.registry.overview import show_version
    from rlr.registry.server import connect

    emit(show_version(connect(settings), settings, version), as_json, _show_lines)


@app.command()
def diff(
    a: VersionArgument,
    b: VersionArgument,
    everything: AllOption = False,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    _dry_run: NothingToWriteOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show what two versions differ in: metrics, thresholds, configuration, data, code."""
    settings = read_config(config, overrides).registry

    from rlr.registry.comparison import compare_versions
    from rlr.registry.server import connect

    document = compare_versions(connect(settings), settings, a, b)
    emit(document, as_json, lambda found: _diff_lines(found, everything))


@app.command()
def history(
    html: HtmlOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    dry_run: HistoryDryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show and verify the audit trail; exit 1 where it is broken or was gone around."""
    settings = read_config(config, overrides).registry

    from rlr.registry.history import read_history, write_page
    from rlr.registry.server import connect

    client = connect(settings)
    document = read_history(client, settings)
    if html is not None and not dry_run:
        write_page(client, settings, document, html)
    emit(document, as_json, lambda found: _history_lines(found, None if dry_run else html))
    if not document["sound"]:
        raise typer.Exit(1)


def _list_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield from _verdict_lines(document)
    if not document["versions"]:
        yield f"No version of '{document['model']}'."
        return
    columns = ("version", "aliases", "floors", "gate", "against", "data version", "created")
    yield table(columns, [_list_row(one) for one in document["versions"]])


def _list_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    aliases = ", ".join(one["aliases"]) or ("was champion" if one["was_champion"] else None)
    against = one["gate_champion"] and one["gate_champion"].rpartition("/")[2]
    return (
        one["version"],
        aliases,
        (one["floors"] or "").partition(":")[0] or None,
        one["gate_outcome"],
        against,
        _short(one["data_version"]),
        _moment(one["created"]),
    )


def _show_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"{document['uri']}  {', '.join(document['aliases'])}".rstrip()
    gate = document["gate"]
    if gate is None:
        yield f"The gate has not judged it; run: rlr gate {document['uri']}"
    elif gate["problem"]:
        yield gate["problem"]
    else:
        against = gate["champion"] or "no champion"
        yield f"The gate says {gate['outcome']}, against {against}."
        yield from (f"  {reason}" for reason in gate["reasons"])
    facts = [("created", document["created"]), *document["tags"].items()]
    yield table(("", ""), facts)
    if document["entries"]:
        yield _entry_table(document["entries"])


def _diff_lines(document: Mapping[str, Any], everything: bool) -> Iterator[Any]:
    a, b = f"version {document['a']}", f"version {document['b']}"
    if a == b:
        yield f"{a} is both of them."
        return
    metrics = {
        name: pair
        for name, pair in document["metrics"].items()
        if everything or name.startswith(MEANS)
    }
    if metrics:
        rows = [(n, p["a"], p["b"], p["difference"]) for n, p in metrics.items()]
        yield table(("metric", a, b, "difference"), rows)
        where = "the same" if document["same_images"] else "its own"
        yield (
            f"Each was measured once, after its training, on {where} data version; what the gate "
            "says rests on both being run again on the same images."
        )
    for title in ("thresholds", "configuration", "data", "code"):
        found = [(name, pair["a"], pair["b"]) for name, pair in document[title].items()]
        yield table((title, a, b), found) if found else f"{title}: the same"


def _history_lines(document: Mapping[str, Any], html: Path | None) -> Iterator[Any]:
    entries = document["entries"]
    if entries:
        yield _entry_table(entries)
    yield from _verdict_lines(document)
    yield from (f"Accepted by an entry: {sentence}" for sentence in document["accepted"])
    head = document["head"]
    if not head:
        yield f"No entry yet: nobody has promoted a version of '{document['model']}'."
    elif document["sound"]:
        yield f"Verified: {head['number']} entries, last digest {head['sha256']}"
    if html is not None:
        yield f"Page: {html}"


def _verdict_lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield from document["problems"]
    if document["pending"]:
        yield document["pending"]


def _entry_table(entries: list[Mapping[str, Any]]) -> Any:
    columns = ("entry", "time", "who", "what", "from", "to", "gate", "why")
    return table(columns, [_entry_row(entry) for entry in entries])


def _entry_row(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    action = f"{entry['action']} (override)" if entry["override"] else entry["action"]
    if entry["completed"] is None:
        action += ", not completed"
    elif entry["completed"]["given_up"]:
        action += ", given up"
    gate = entry["gate"]
    return (
        entry["number"],
        _moment(entry["time"]),
        entry["actor"],
        action,
        entry["from"],
        entry["to"],
        f"{gate['outcome']} {gate['sha256'][:8]}" if gate else None,
        entry["reason"] or entry["check"] or None,
    )


def _moment(time: str) -> str:
    return time[:SECONDS].replace("T", " ")


def _short(data_version: str | None) -> str | None:
    return data_version and data_version[:12]
