"""From images to a registered model: validate, train, evaluate, gate, register, promote."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kfp import dsl
from kfp.dsl import graph_component

from components.evaluate.component import evaluate
from components.gate.component import gate
from components.notify.component import notify
from components.promote.component import promote
from components.register.component import register
from components.reject_data.component import reject_data
from components.train.component import train
from components.validate_data.component import validate_data
from rlr.orchestration.cluster import Needs, Prepare
from rlr.orchestration.parameters import Parameters

AddTraining = Callable[..., dsl.PipelineTask]


@dataclass(frozen=True)
class Candidate:
    """Outputs of the steps that have made a candidate.

    Attributes:
        dataset: What `validate_data` has written.
        data_version: Its data version.
        model: What the training has written.
        run_id: Run of the training.
    """

    dataset: Any
    data_version: Any
    model: Any
    run_id: Any


@dataclass(frozen=True)
class Judged:
    """The steps that have judged a candidate.

    Attributes:
        evaluated: `evaluate`.
        gated: `gate`.
        registered: `register`.
    """

    evaluated: dsl.PipelineTask
    gated: dsl.PipelineTask
    registered: dsl.PipelineTask


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

    promotion = build_promotion(prepare)

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

                judge_and_register(
                    prepare,
                    Candidate(
                        dataset=validated.outputs["dataset"],
                        data_version=validated.outputs["data_version"],
                        model=trained.outputs["model"],
                        run_id=trained.outputs["run_id"],
                    ),
                    promotion=promotion,
                    config=config,
                    overrides=overrides,
                    seed=seed,
                )

            with dsl.Else(name="data are not fit"):
                rejected = reject_data(reason=validated.outputs["reason"])
                prepare(rejected, Needs(retry=False)).set_caching_options(False)

    return training


def judge_and_register(
    prepare: Prepare,
    candidate: Candidate,
    *,
    promotion: graph_component.GraphComponent,
    config: Any,
    overrides: Any,
    seed: Any,
) -> Judged:
    """Add the end that all trainings have: evaluate, gate, register, and promote where it may be.

    Args:
        prepare: As for `build`.
        candidate: What is to be judged.
        promotion: Made by `build_promotion` before the pipeline around it.
        config: Parameter of the pipeline.
        overrides: Parameter of the pipeline.
        seed: Parameter of the pipeline.

    Returns:
        The steps, for others to follow them.
    """
    common = {"config": config, "overrides": overrides}
    about = {
        "dataset": candidate.dataset,
        "model": candidate.model,
        "data_version": candidate.data_version,
        "run_id": candidate.run_id,
        "seed": seed,
    }
    evaluated = evaluate(**about, **common)
    prepare(evaluated, Needs(heavy=True, data=True, tracking=True))

    gated = gate(**about, **common).after(evaluated)
    prepare(gated, Needs(heavy=True, data=True, tracking=True)).set_caching_options(False)

    registered = register(
        model=candidate.model,
        evaluation=evaluated.outputs["evaluation"],
        gate=gated.outputs["gate"],
        challenger=evaluated.outputs["floors_hold"],
        pipeline_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        **common,
    )
    prepare(registered, Needs(tracking=True)).set_caching_options(False)

    promoted = promotion(
        wanted=gated.outputs["promote"], version=registered.outputs["version"], **common
    )
    promoted.set_caching_options(False)
    return Judged(evaluated, gated, registered)


def build_promotion(prepare: Prepare) -> graph_component.GraphComponent:
    """Return the part that promotes a version, where that is wanted.

    It is a pipeline of its own because Kubeflow's local runner looks for what an If without an
    Else asks about among the inputs of the pipeline around it, and nowhere else.

    Args:
        prepare: As for `build`.
    """

    @dsl.pipeline(name="promotion")
    def promotion(wanted: bool, version: str, config: str, overrides: list[str]):
        with dsl.If(wanted == True, name="the gate says promote"):  # noqa: E712
            promoted = promote(
                version=version,
                pipeline_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                config=config,
                overrides=overrides,
            )
            prepare(promoted, Needs(tracking=True)).set_caching_options(False)

    return promotion
