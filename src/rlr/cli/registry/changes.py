"""What changes the champion: promotion, rollback, and agreeing with what was done elsewhere."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption, read_config
from rlr.cli.output import emit
from rlr.cli.registry.noun import DryRunOption, ReasonOption, VersionArgument, app

if TYPE_CHECKING:
    from rlr.registry.promotion import Moved

OverrideOption = Annotated[
    bool, typer.Option("--override", help="Promote whatever the gate says; needs --reason.")
]
ToOption = Annotated[
    str,
    typer.Option(
        "--to", metavar="VERSION", help="An earlier champion; without it the one before today's."
    ),
]
KeepOption = Annotated[
    bool | None,
    typer.Option(
        "--keep/--undo",
        help="Take the champion over that was set without rlr (and accept the faults of a broken "
        "trail), or set the aliases back.",
    ),
]


@app.command()
def promote(
    version: VersionArgument,
    override: OverrideOption = False,
    reason: ReasonOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a version the champion, by its gate result against today's, or by word."""
    settings = read_config(config, overrides)

    from rlr.orchestration import promoting

    number = promoting.find_number(settings, version)
    moved = promoting.promote_version(
        settings, number, reason=reason, override=override, dry_run=dry_run
    )
    _emit(moved, as_json)


@app.command()
def rollback(
    to: ToOption = "",
    reason: ReasonOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make an earlier champion the champion again, once its artifact has passed its check."""
    settings = read_config(config, overrides)

    from rlr.orchestration import promoting

    number = promoting.find_number(settings, to) if to else ""
    _emit(promoting.roll_back(settings, to=number, reason=reason, dry_run=dry_run), as_json)


@app.command()
def reconcile(
    keep: KeepOption = None,
    reason: ReasonOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Take over, or undo, what was done without rlr, as when somebody clicked in MLflow."""
    settings = read_config(config, overrides)

    from rlr.foundation.errors import UserError
    from rlr.orchestration import promoting

    if keep is None:
        raise UserError(
            "Say what to do: --keep or --undo; `rlr registry history` shows what it is about."
        )
    _emit(promoting.reconcile(settings, keep=keep, reason=reason, dry_run=dry_run), as_json)


def _emit(moved: "Moved", as_json: bool) -> None:
    document = {
        "model": moved.model,
        "action": moved.action,
        "changed": moved.changed,
        "dry_run": moved.dry_run,
        "champion": moved.version,
        "uri": f"models:/{moved.model}/{moved.version}" if moved.version else None,
        "former": moved.former,
        "previous": moved.previous,
        "entry": moved.entry,
        "audit_sha256": moved.sha256 or None,
        "reason": moved.reason,
        "override": bool(moved.overrode),
        "overrode": list(moved.overrode),
        "check": moved.check,
        "completed": [intent.number for intent in moved.completed],
    }
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    for number in document["completed"]:
        yield f"Completed first: entry {number} of the audit trail, which somebody had left behind."
    if document["check"]:
        yield document["check"]
    for sentence in document["overrode"]:
        yield f"Overridden: {sentence}"
    champion = document["uri"] or "no version"
    if not document["changed"]:
        yield f"Nothing to do: {champion} is champion, and the audit trail says so."
        return
    verb = "would be" if document["dry_run"] else "is"
    yield (
        f"{champion} {verb} champion (before: {_version(document['former'])}); a rollback "
        f"{'would go' if document['dry_run'] else 'goes'} to: {_version(document['previous'])}."
    )
    if document["entry"] is not None:
        yield f"Audit trail: entry {document['entry']}, digest {document['audit_sha256']}"


def _version(number: str | None) -> str:
    return f"version {number}" if number else "none"
