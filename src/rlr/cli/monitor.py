"""`rlr monitor`: whether new images have drifted from what a model was trained on."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, OutputOption, SetOption
from rlr.cli.output import emit, table
from rlr.cli.train import ValidatedOption

ImagesArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="[IMAGES]",
        help="Folder of new images; without it those of data.root that the model's data version "
        "does not hold.",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="models:/NAME@ALIAS, models:/NAME/VERSION, or a folder; without it the champion.",
        show_default=False,
    ),
]
ClassOption = Annotated[
    str | None,
    typer.Option(
        "--class",
        metavar="NAME",
        help="Product class of all images in the folder; without it subfolders named like known "
        "classes tell it, or the images themselves do.",
    ),
]


def monitor(
    images: ImagesArgument = None,
    model: ModelOption = "",
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    output: OutputOption = Path(".rlr/monitor"),
    dataset: ValidatedOption = None,
    class_name: ClassOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare new images with the normal ones of a model's training: has the normal shifted?

    Status 0: the question is answered, whatever the answer; it is in the JSON and in the report.
    """
    from rlr.foundation.documents import read_json
    from rlr.orchestration import steps

    monitored = steps.monitor(
        config, overrides or [], model, output, dataset, images=images, class_name=class_name
    )
    result = read_json(output / "drift.json")
    result.pop("format_version")
    document = {
        "output": str(output),
        "report": str(monitored.report),
        "run_id": monitored.run_id,
        **result,
    }
    emit(document, as_json, _lines)


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    rows = [
        (
            window["number"],
            window["images"],
            window["defect_share"],
            window["expected_share"],
            window["kind"].replace("_", " "),
            "; ".join(window["reasons"]) or "-",
        )
        for window in document["windows"]
    ]
    if rows:
        columns = ("window", "images", "above threshold", "expected", "verdict", "because")
        yield table(columns, rows, f"{document['images']} images against {document['model']}")
    if document["unreadable"]:
        count = len(document["unreadable"])
        yield f"Left out: {count} unreadable, the first {document['unreadable'][0]}"
    yield f"{'DRIFT. ' if document['drifted'] else ''}{document['reason']}"
    yield f"Report: {document['report']}"
