"""`rlr cluster`: what a cluster is given, held against the rules; what its servers do first."""

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import JsonOption
from rlr.cli.output import emit, table

app = typer.Typer(name="cluster", help="Kubernetes: check manifests, migrate MLflow's database.")

STDIN = "-"


@app.command()
def check(
    files: Annotated[
        list[str],
        typer.Argument(
            metavar="FILE...", help="Rendered manifests, compiled pipelines; - is stdin."
        ),
    ],
    external: Annotated[
        Path | None,
        typer.Option(
            "--external",
            metavar="FILE",
            help="YAML of what they may refer to though they do not hold it.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Hold manifests and compiled pipelines against the rules; exit status 1 with any finding."""
    from rlr.infrastructure.manifests import check_manifests, read_external, read_manifests

    manifests = read_manifests((name, _read(name)) for name in files)
    findings = check_manifests(manifests, read_external(external))
    rows = [{"place": f.place, "rule": f.rule, "fault": f.fault} for f in findings]
    emit({"objects": len(manifests), "findings": rows}, as_json, _lines)
    if findings:
        raise typer.Exit(1)


@app.command()
def migrate() -> None:
    """Bring the tracking server's database up to date, before the server starts.

    Its address is taken from MLFLOW_BACKEND_STORE_URI, where no list of processes shows it.
    """
    from rlr.foundation.errors import UserError
    from rlr.foundation.network import without_password
    from rlr.infrastructure.tracking_database import DATABASE_VARIABLE, upgrade_database

    uri = os.environ.get(DATABASE_VARIABLE)
    if not uri:
        raise UserError(f"No database is named; set {DATABASE_VARIABLE}.")
    upgrade_database(uri)
    typer.echo(f"Up to date: {without_password(uri)}", err=True)


def _read(name: str) -> str:
    from rlr.foundation.errors import UserError

    try:
        return sys.stdin.read() if name == STDIN else Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not text"
        raise UserError(
            f"{name} cannot be read ({reason}); name rendered manifests, or - for stdin."
        ) from error


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    findings = document["findings"]
    if findings:
        rows = [(f["place"], f["rule"], f["fault"]) for f in findings]
        yield table(("object", "rule", "fault"), rows)
    yield f"{document['objects']} objects, {len(findings)} findings."
