"""From images to a registered model: validate, train, evaluate, register."""

from collections.abc import Callable
from typing import Any

from kfp import dsl
from kfp.dsl import graph_component

from components.evaluate.component import evaluate
from components.notify.component import notify
from components.register.component import register
from components.reject_data.component import reject_data
from components.train.component import train
from components.validate_data.component import validate_data
from rlr.orchestration.cluster import Needs, Prepare
from rlr.orchestration.parameters import Parameters

AddTraining = Callable[..., dsl.PipelineTask]


def build(prepare: Prepare, defaults: Parameters) -> graph_component.GraphComponent:
    """Return the pipeline.

    Args:
        prepare: Gives each step what it needs where the pipeline will run.
        defaults: Values of the parameters that a run may leave out.
    """

    def add_training(**inputs: Any) -> dsl.PipelineTask:
        needs = Needs(heavy=True, shared_memory=True, data=True, tracking=True)
        return prepare(train(**inputs), needs)

    return build_around(add_training, "rlr-training", __doc__, prepare, defaults)


def build_around(
    add_training: AddTraining,
    name: str,
    description: str | None,
    prepare: Prepare,
    defaults: Parameters,
) -> graph_component.GraphComponent:
    """Return the pipeline around a step that trains.

    Args:
        add_training: Adds the step; it is called with the inputs of `train`, and what it returns
            has the outputs of `train`.
        name: Name of the pipeline.
        description: What it does.
        prepare: As for `build`.
        defaults: As for `build`.
    """

    @dsl.pipeline(name=name, description=description)
    def training(
        data_version: str = defaults.data_version,
        config: str = defaults.config,
        overrides: list[str] = list(defaults.overrides),  # noqa: B006 - kfp reads it once
        seed: int = defaults.seed,
    ):
        """From images to a registered model.

        Args:
            data_version: Data version (<md5>.dir); empty: what lies in data.root.
            config: Name of a preset, or a YAML document.
            overrides: key=value each, as with `rlr --set`.
            seed: Seed; negative: that of the configuration.
        """
        told = notify(config=config, data_version=data_version)
        prepare(told, Needs(webhook=True)).set_caching_options(False)

        with dsl.ExitHandler(told, name="run"):
            validated = validate_data(
                config=config, overrides=overrides, data_version=data_version, seed=seed
            )
            # This step finds out which version "what lies there" is; a cache would not look.
            prepare(validated, Needs(data=True)).set_caching_options(False)

            with dsl.If(validated.outputs["passed"] == True, name="data are fit"):  # noqa: E712
                trained = add_training(
                    dataset=validated.outputs["dataset"],
                    config=config,
                    overrides=overrides,
                    data_version=validated.outputs["data_version"],
                    seed=seed,
                )

                evaluated = evaluate(
                    dataset=validated.outputs["dataset"],
                    model=trained.outputs["model"],
                    config=config,
                    overrides=overrides,
                    data_version=validated.outputs["data_version"],
                    run_id=trained.outputs["run_id"],
                    seed=seed,
                )
                prepare(evaluated, Needs(heavy=True, data=True, tracking=True))

                def add_to_registry(challenger: bool) -> None:
                    registered = register(
                        model=trained.outputs["model"],
                        evaluation=evaluated.outputs["evaluation"],
                        config=config,
                        overrides=overrides,
                        challenger=challenger,
                    )
                    prepare(registered, Needs(tracking=True)).set_caching_options(False)

                with dsl.If(evaluated.outputs["floors_hold"] == True, name="floors hold"):  # noqa: E712
                    add_to_registry(challenger=True)
                with dsl.Else(name="floors do not hold"):
                    add_to_registry(challenger=False)

            with dsl.Else(name="data are not fit"):
                rejected = reject_data(reason=validated.outputs["reason"])
                prepare(rejected, Needs(retry=False)).set_caching_options(False)

    return training
