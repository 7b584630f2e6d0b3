"""`rlr pipeline`: compile it, run it here."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit, table

if TYPE_CHECKING:
    from rlr.orchestration.parameters import Parameters
    from rlr.orchestration.place import Place
    from rlr.orchestration.project import Project

app = typer.Typer(name="pipeline", help="The Kubeflow pipeline: compile, run here, submit.")

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Pipeline, as `list` names it.")]
ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        metavar="DIR",
        help="Checkout; without it, the nearest folder upwards that has pipelines/.",
    ),
]
VersionOption = Annotated[
    str,
    typer.Option(
        "--data-version", metavar="MD5.dir", help="Data version; without it, what is in data.root."
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Seed; without it, that of the configuration."),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force", help="Train whatever is new, and in a cool-down (pipeline retraining alone)."
    ),
]
PipelineImageOption = Annotated[
    str | None,
    typer.Option("--image-pipeline", metavar="REF", help="Image of the light steps."),
]
TrainImageOption = Annotated[
    str | None, typer.Option("--image-train", metavar="REF", help="Image of the heavy steps.")
]
TRAINING = "training"


class Runner(StrEnum):
    """Where the steps of a run on this machine are executed."""

    SUBPROCESS = "subprocess"
    DOCKER = "docker"


@app.command("list")
def list_pipelines(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the pipelines of the checkout."""
    from rlr.orchestration.project import find_project

    checkout = find_project(project)
    pipelines = [
        {"name": name, "summary": checkout.summary(name)} for name in checkout.pipeline_names()
    ]
    emit({"project": str(checkout.root), "pipelines": pipelines}, as_json, _list_lines)


@app.command("compile")
def compile_(
    name: NameArgument = TRAINING,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File; without it, pipelines/compiled/NAME.yaml."
        ),
    ] = None,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compile a pipeline; configuration and overrides become the defaults of its parameters."""
    from rlr.orchestration.compile import compile_pipeline, write_pipeline
    from rlr.orchestration.project import find_project

    checkout = find_project(project)
    text = compile_pipeline(
        checkout, name, read_parameters(config, overrides), image_pipeline, image_train
    )
    target = output or checkout.compiled / f"{name}.yaml"
    write_pipeline(text, target)
    emit({"pipeline": name, "file": str(target)}, as_json, lambda d: [f"Compiled: {d['file']}"])


@app.command()
def run(
    name: NameArgument = TRAINING,
    runner: Annotated[
        Runner,
        typer.Option("--runner", help="Every step a process here, or a container in its image."),
    ] = Runner.SUBPROCESS,
    image_pipeline: PipelineImageOption = None,
    image_train: TrainImageOption = None,
    config: ConfigOption = DEFAULT_CONFIG,
    overrides: SetOption = None,
    data_version: VersionOption = "",
    seed: SeedOption = None,
    force: ForceOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run a pipeline on this machine, with the very components of the cluster."""
    from rlr.orchestration.local import run_pipeline
    from rlr.orchestration.project import find_project
    from rlr.orchestration.summary import summarise

    parameters = read_parameters(config, overrides, data_version, seed, force).at_home()
    checkout = find_project(project)
    place = place_of(runner, checkout, parameters, image_pipeline, image_train)
    made = run_pipeline(checkout, name, parameters, place=place)
    emit(summarise(made, parameters), as_json, run_lines)


def place_of(
    runner: Runner,
    checkout: "Project",
    parameters: "Parameters",
    image_pipeline: str | None,
    image_train: str | None,
) -> "Place":
    """Return where the steps of a run on this machine are executed."""
    if runner is Runner.DOCKER:
        from rlr.orchestration.containers import Containers

        return Containers(parameters.resolve(), checkout, image_pipeline, image_train)
    from rlr.foundation.errors import UserError
    from rlr.orchestration.place import Processes

    if image_pipeline or image_train:
        raise UserError(
            "Processes run in no image: leave out --image-pipeline and --image-train, or add "
            "--runner docker."
        )
    return Processes()


def run_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    """Yield what came out of a run on this machine: metrics, decisions, places."""
    from rlr.cli.evaluate import metrics_table

    for protocol, metrics in document.get("metrics", {}).items():
        yield metrics_table(protocol, metrics)
    yield from place_lines(document)


def place_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield where the results of a run on this machine are, and what to think of them."""
    if document.get("backbone_weights") == "random":
        yield "The backbone's weights are random: the figures show that the pipeline runs, no more."
    if "gate" in document:
        yield from _gate_lines(document["gate"])
    if "version" in document:
        version = document["version"]
        name = "champion" if document["promoted"] else version["alias"]
        alias = f", alias {name}" if name else ", no alias"
        yield f"Registered: {version['uri']}{alias} (floors: {version['floors']})"
        yield f"Champion:   {_champion_line(document)}"
    if "outcome" in document:
        made_of = f", made from {document['base']}" if document["base"] else ""
        yield f"Data:       {document['data_version']}{made_of}"
        yield f"Retraining: {document['sentence']}"
        yield f"            {document['page']}"
    if "report" in document:
        yield f"Report:     {document['report']}"
    yield f"Run folder: {document['folder']}"
    yield f"MLflow UI:  {document['mlflow_ui']}"


def _gate_lines(gate: Mapping[str, Any]) -> Iterator[str]:
    yield f"Gate:       {gate['outcome']}. {' '.join(gate['reasons'])}".rstrip()
    yield f"            {gate['report']}"


def _champion_line(document: Mapping[str, Any]) -> str:
    """Return which version is the champion after a run, and whether that is new."""
    promoted, gate = document["promoted"], document.get("gate", {})
    if promoted:
        before = promoted["previous"]
        return f"{document['version']['uri']}, promoted" + (
            f"; before it, version {before}" if before else ", the first"
        )
    if gate.get("outcome") == "promote":
        return "not moved, for gate.promote is off; `rlr registry promote` does it"
    champion = gate.get("champion", "none")
    return "still none" if champion == "none" else f"{champion}, as before"


def read_parameters(
    config: str,
    overrides: list[str] | None,
    data_version: str = "",
    seed: int | None = None,
    force: bool = False,
) -> "Parameters":
    """Return the parameters that the options mean."""
    from rlr.orchestration.parameters import CONFIGURED_SEED, Parameters, portable

    return Parameters(
        portable(config),
        tuple(overrides or ()),
        data_version,
        CONFIGURED_SEED if seed is None else seed,
        force,
    )


def _list_lines(document: Mapping[str, Any]) -> Iterator[Any]:
    rows = [(entry["name"], entry["summary"]) for entry in document["pipelines"]]
    yield table(("pipeline", "what it does"), rows)
