"""`rlr benchmark`: the standard multi-class protocol on public sets."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from rlr.cli.options import JsonOption, SetOption
from rlr.cli.output import emit, table


class PublicSet(StrEnum):
    """The sets that have a standard protocol."""

    MVTEC = "mvtec"
    VISA = "visa"
    MPDD = "mpdd"
    BTAD = "btad"
    REALIAD = "realiad"


RootOption = Annotated[
    Path,
    typer.Option("--root", metavar="DIR", help="Folder that the official archive unpacks to."),
]
BenchmarkOutputOption = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="DIR",
        help="Folder to write; finished runs there are not made again. Without it "
        ".rlr/benchmark/SET.",
        show_default=False,
    ),
]
PresetsOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Presets or YAML files, with commas between; without it published, default, dinov2.",
        show_default=False,
    ),
]
SeedsOption = Annotated[
    str, typer.Option(metavar="NUMBERS", help="Seeds, with commas between: a run each.")
]
CategoriesOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAMES",
        help="Categories, with commas between; without it all. Fewer than all are not the "
        "standard protocol.",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Say what would be run and what it takes, and stop.")
]


def benchmark(
    dataset: Annotated[PublicSet, typer.Argument(help="The public set.")],
    root: RootOption,
    output: BenchmarkOutputOption = None,
    presets: PresetsOption = None,
    seeds: SeedsOption = "0,1,2",
    categories: CategoriesOption = None,
    overrides: SetOption = None,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run the standard multi-class protocol on a public set, beside what others report.

    Writes the paper-style tables benchmark.md, .tex, .csv and .json anew after every run; a killed
    command goes on when it is given again. Nothing goes to the tracking server or the registry.
    """
    from rlr.orchestration.benchmark import Request, make_plan, run_benchmark

    request = Request(
        name=dataset.value,
        root=root,
        output=output or Path(".rlr/benchmark", dataset.value),
        presets=_words(presets),
        seeds=_numbers(seeds),
        categories=_words(categories),
        overrides=tuple(overrides or ()),
    )
    if dry_run:
        emit(make_plan(request).as_dict(), as_json, _plan_lines)
        return
    document = {key: value for key, value in run_benchmark(request).items() if key not in _OWN}
    emit({**document, "output": str(request.output)}, as_json, _lines)


_OWN = ("schema_version", "kind")


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())


def _numbers(text: str) -> tuple[int, ...]:
    from rlr.foundation.errors import UserError

    words = _words(text)
    if not all(word.isdecimal() for word in words):
        raise UserError(f"--seeds {text}: write whole numbers with commas between, such as 0,1,2.")
    return tuple(int(word) for word in words)


def _plan_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    categories = document["categories"]
    rows = [
        (name, found["train"], found["good"], found["defective"])
        for name, found in categories.items()
    ]
    totals = [sum(row[place] for row in rows) for place in (1, 2, 3)]
    yield table(
        ("category", "train", "test normal", "test defective"),
        [*rows, ("all", *totals)],
        f"{document['title']}, layout {document['layout']}",
    )
    yield from document["notes"] or [f"This is the official set, as far as {_KNOWN}."]
    for name in document["presets_not_in_this_build"]:
        yield f"The preset {name} is not in this build and is left out."
    yield table(
        ("preset", "input", "backbone", "weights", "epochs", "features GiB", "free GiB", "seeds"),
        [_preset_row(preset) for preset in document["presets"]],
        f"Runs, into {document['output']}",
    )
    yield (
        "One model is trained on all training images, a preset and a seed. How long that takes is "
        "not known before the first run; each run logs its images a second."
    )
    yield f"To run it: {document['command']}"


_KNOWN = "its numbers of categories and images say"


def _preset_row(preset: Mapping[str, Any]) -> tuple[object, ...]:
    kept = f"{preset['features_gib']:.2f}" if preset["features_kept"] else "not kept"
    return (
        preset["preset"],
        "x".join(str(side) for side in preset["input"]),
        preset["backbone"],
        preset["weights"],
        preset["epochs"],
        kept,
        f"{preset['free_gib']:.2f}",
        ", ".join(f"{seed} {state}" for seed, state in preset["seeds"].items()),
    )


def _lines(document: Mapping[str, Any]) -> Iterator[Any]:
    columns = [*document["measured"], *(document["quoted"] if document["official_set"] else [])]
    metrics = list(columns[0]["mean"])
    rows = [
        (column["name"], column["group"], *(_cell(column["mean"].get(key)) for key in metrics))
        for column in columns
    ]
    title = f"{document['title']}: means over the categories, in percent"
    yield table(("method", "", *metrics), rows, title)
    yield from document["notes"]
    yield document["progress"]
    yield f"Tables: {document['output']}/benchmark.md, .tex, .csv, .json"


def _cell(figure: Mapping[str, float | None] | None) -> str | None:
    if figure is None or figure["percent"] is None:
        return None
    spread = figure["spread"]
    return f"{figure['percent']:.1f}" + ("" if spread is None else f" ± {spread:.1f}")
