"""`rlr evaluate`: measure a detector on the test images."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, OutputOption, SetOption
from rlr.cli.output import emit, table
from rlr.cli.train import ValidatedOption

ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Output of a training, folder of a detector, or models:/NAME/VERSION."
    ),
]


def evaluate(
    model: ModelArgument,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    output: OutputOption = Path(".rlr/evaluate"),
    dataset: ValidatedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a detector on the test images, and write metrics and a report."""
    from rlr.foundation.documents import read_json
    from rlr.orchestration import steps

    evaluated = steps.evaluate(config, overrides or [], model, output, dataset)
    document = {
        "output": str(output),
        "report": str(evaluated.report),
        "run_id": evaluated.run_id,
        "floors": {"hold": evaluated.floors.hold, "reasons": evaluated.floors.reasons},
        "metrics": read_json(output / "metrics.json"),
    }
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    for protocol, metrics in document["metrics"].items():
        yield metrics_table(protocol, metrics)
    floors = document["floors"]
    yield (
        "Floors hold." if floors["hold"] else f"Floors do not hold: {'; '.join(floors['reasons'])}"
    )
    yield f"Report: {document['report']}"


def metrics_table(protocol: str, metrics: Mapping[str, Any]) -> Any:
    """Return the metrics of one protocol as a table: a row a class, then mean and pooled."""
    keys = list(metrics["mean"])
    rows = [
        (name, *(values.get(key) for key in keys))
        for name, values in [
            *metrics["per_class"].items(),
            ("mean", metrics["mean"]),
            ("pooled", metrics["pooled"]),
        ]
    ]
    return table(("class", *keys), rows, f"Protocol {protocol}")
