"""`rlr gate`: hold a candidate against the champion."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.evaluate import ModelArgument
from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, OutputOption, SetOption
from rlr.cli.output import emit, table
from rlr.cli.train import ValidatedOption


class Wanted(StrEnum):
    """What a caller may insist on."""

    PROMOTE = "promote"
    NO_REJECT = "no-reject"


ChampionOption = Annotated[
    str | None,
    typer.Option(
        "--champion",
        metavar="REF|none",
        help="Model to be held against; without it, what the alias champion names.",
    ),
]
RequireOption = Annotated[
    Wanted | None,
    typer.Option("--require", help="Exit with 1 where the gate says something else."),
]


def gate(
    model: ModelArgument,
    champion: ChampionOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    output: OutputOption = Path(".rlr/gate"),
    dataset: ValidatedOption = None,
    require: RequireOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hold a model against the champion on the same test images; exit 0: a decision was made."""
    from rlr.foundation.documents import read_json
    from rlr.orchestration import steps

    gated = steps.gate(config, overrides or [], model, output, dataset, champion=champion)
    document = {
        "output": str(output),
        "report": str(gated.report),
        "would_promote": gated.promote,
        **read_json(output / "gate.json"),
    }
    emit(document, as_json, _lines)
    allowed = {"promote"} if require is Wanted.PROMOTE else {"promote", "inconclusive"}
    if require is not None and gated.outcome not in allowed:
        raise typer.Exit(1)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    yield f"The gate says {document['outcome']}."
    for reason in document["reasons"]:
        yield f"  {reason}"
    champion = document["champion"]
    yield f"Candidate: {document['candidate']['name']}"
    yield f"Champion:  {champion['name'] if champion else 'none'}"
    yield table(
        ("mean of classes", "candidate", "champion", "difference", "lower", "upper", "flag"),
        [(name, *_figures(compared)) for name, compared in document["mean"].items()],
    )
    rows = [
        (one["rule"], one["subject"], one["outcome"], one["sentence"])
        for one in document["findings"]
    ]
    yield table(("rule", "about", "says", ""), rows)
    yield f"Report: {document['report']}"


def _figures(compared: Mapping[str, Any]) -> tuple[Any, ...]:
    difference = compared["difference"] or {}
    ends = (difference.get(name) for name in ("estimate", "lower", "upper"))
    return compared["candidate"], compared["champion"], *ends, compared["flag"]
