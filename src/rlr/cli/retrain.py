"""`rlr retrain`: the retraining pipeline on this machine, once."""

from typing import Annotated

import typer

from rlr.cli.options import DEFAULT_CONFIG, ConfigOption, JsonOption, SetOption
from rlr.cli.output import emit
from rlr.cli.pipeline import (
    ForceOption,
    PipelineImageOption,
    ProjectOption,
    Runner,
    SeedOption,
    TrainImageOption,
    VersionOption,
    place_of,
    read_parameters,
    run_lines,
)

RETRAINING = "retraining"


def retrain(
    once: Annotated[
        bool,
        typer.Option("--once", help="Run once and end; again and again is `rlr schedule run`."),
    ] = False,
    force: ForceOption = False,
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
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import what is new; train, judge and promote where it is worth it. Needs --once."""
    from rlr.foundation.errors import UserError
    from rlr.orchestration.local import run_pipeline
    from rlr.orchestration.project import find_project
    from rlr.orchestration.retraining.importing import require_source
    from rlr.orchestration.summary import summarise

    if not once:
        raise UserError(
            "`rlr retrain` runs once: write `rlr retrain --once`. What is to happen again and "
            "again stands in schedules.yaml, and `rlr schedule run` does it."
        )
    parameters = read_parameters(config, overrides, data_version, seed, force).at_home()
    require_source(parameters.resolve().retraining)  # told now, not by the first step
    checkout = find_project(project)
    place = place_of(runner, checkout, parameters, image_pipeline, image_train)
    made = run_pipeline(checkout, RETRAINING, parameters, place=place)
    emit(summarise(made, parameters), as_json, run_lines)
