"""`rlr train`: from images to a detector, tracked."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, OutputOption, SetOption
from rlr.cli.output import emit, table

ValidatedOption = Annotated[
    Path | None,
    typer.Option(
        "--dataset", metavar="DIR", help="Output of a validation; without it images are listed."
    ),
]


def train(
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    output: OutputOption = Path(".rlr/train"),
    dataset: ValidatedOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train one detector for all classes; a killed training goes on with the same --output."""
    from rlr.foundation.documents import read_result
    from rlr.orchestration import steps

    trained = steps.train(config, overrides or [], output, dataset)
    if not trained.run_id:
        return  # a follower under torchrun: the leading process reports
    result = read_result(output, "train")
    document = {**result, "model": str(trained.model), "output": str(output)}
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    backbone = document["backbone"]
    if backbone["weights_origin"] == "random":
        yield f"Backbone weights are random: {backbone['name']} has learned nothing."
    final = document["final"]
    yield (
        f"Trained {document['epochs']} epochs on {document['images']['train']} images of "
        f"{len(document['classes'])} classes: loss {final['loss']:.4f}."
    )
    unjudged = document["unjudged"]
    if unjudged:
        yield (
            f"{unjudged['admitted']} of these nobody has judged; {unjudged['held_back']} more are "
            f"held back for review: `rlr data review --from {document['output']}`."
        )
    rows = [
        (name, threshold["value"], threshold["method"], threshold["n"], threshold["note"])
        for name, threshold in document["thresholds"]["per_class"].items()
    ]
    rate = document["thresholds"]["rate"]
    title = f"Thresholds at a false-positive rate of {rate:g}, from normal images alone"
    yield table(("class", "threshold", "method", "n", "note"), rows, title)
    yield f"Model: {document['model']}"
    yield f"Run:   {document['run_id']}"
