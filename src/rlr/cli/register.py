"""`rlr register`: make an evaluated detector a version of the registered model."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit

TrainedArgument = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Output of a training, or folder of a detector.")
]
EvaluationArgument = Annotated[
    Path, typer.Argument(metavar="EVALUATION", help="Output of the evaluation of this model.")
]


def register(
    model: TrainedArgument = Path(".rlr/train"),
    evaluation: EvaluationArgument = Path(".rlr/evaluate"),
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Register a detector; above the floors it becomes the challenger."""
    from rlr.orchestration import steps

    made = steps.register(config, overrides or [], model, evaluation)
    emit({**asdict(made), "uri": made.uri}, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield f"Registered {document['uri']} (run {document['run_id']})."
    yield (
        f"Alias: {document['alias']}."
        if document["alias"]
        else f"No alias: the floors {document['floors']}."
    )
