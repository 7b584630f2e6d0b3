"""From new images to a champion: import, decide, train, gate, promote; or stop and say why."""

from typing import NamedTuple

from kfp import dsl
from kfp.dsl import graph_component

from components.decide.component import decide
from components.import_data.component import import_data
from components.reject_data.component import reject_data
from components.report.component import report
from components.skip_training.component import skip_training
from components.train.component import train
from components.validate_data.component import validate_data
from components.watch_drift.component import watch_drift
from pipelines.training import Candidate, build_promotion, judge_and_register
from rlr.orchestration.cluster import Needs, Prepare
from rlr.orchestration.parameters import Parameters

LIGHT = Needs(data=True, tracking=True)


class Decision(NamedTuple):
    """Whether to train, and why."""

    retrain: bool
    reason: str


def build(prepare: Prepare, defaults: Parameters) -> graph_component.GraphComponent:
    """Return the pipeline.

    Args:
        prepare: Gives each step what it needs where the pipeline will run.
        defaults: Values of the parameters that a run may leave out.
    """
    decision, promotion = build_decision(prepare), build_promotion(prepare)

    @dsl.pipeline(name="rlr-retraining", description=__doc__)
    def retraining(
        data_version: str = defaults.data_version,
        config: str = defaults.config,
        overrides: list[str] = list(defaults.overrides),  # noqa: B006 - kfp reads it once
        seed: int = defaults.seed,
        force: bool = defaults.force,
    ):
        """From new images to a champion.

        Args:
            data_version: Data version (<md5>.dir) to add new images to; empty: the newest.
            config: Name of a preset, or a YAML document.
            overrides: key=value each, as with `rlr --set`.
            seed: Seed; negative: that of the configuration.
            force: Whether to train whatever is new, and in a cool-down; a budget still holds.
        """
        common = {"config": config, "overrides": overrides}
        told = report(pipeline_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER, **common)
        prepare(told, Needs(tracking=True, webhook=True)).set_caching_options(False)

        with dsl.ExitHandler(told, name="run"):
            imported = import_data(
                data_version=data_version,
                force=force,
                pipeline_run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
                **common,
            )
            prepare(imported, LIGHT).set_caching_options(False)
            version = imported.outputs["data_version"]

            with dsl.If(imported.outputs["worth_a_look"] == True, name="there is something new"):  # noqa: E712
                validated = validate_data(data_version=version, seed=seed, **common)
                prepare(validated, Needs(data=True)).set_caching_options(False)

                with dsl.If(validated.outputs["passed"] == True, name="data are fit"):  # noqa: E712
                    decided = decision(
                        news=imported.outputs["news"],
                        ask_drift=imported.outputs["ask_drift"],
                        data_version=version,
                        force=force,
                        **common,
                    )

                    with dsl.If(decided.outputs["retrain"] == True, name="retrain"):  # noqa: E712
                        trained = train(
                            dataset=validated.outputs["dataset"],
                            data_version=version,
                            seed=seed,
                            **common,
                        )
                        needs = Needs(heavy=True, shared_memory=True, data=True, tracking=True)
                        prepare(trained, needs)
                        candidate = Candidate(
                            dataset=validated.outputs["dataset"],
                            data_version=version,
                            model=trained.outputs["model"],
                            run_id=trained.outputs["run_id"],
                        )
                        judge_and_register(
                            prepare, candidate, promotion=promotion, seed=seed, **common
                        )

                    with dsl.Else(name="do not retrain"):
                        skipped = skip_training(reason=decided.outputs["reason"])
                        prepare(skipped, Needs()).set_caching_options(False)

                with dsl.Else(name="data are not fit"):
                    rejected = reject_data(reason=validated.outputs["reason"])
                    prepare(rejected, Needs(retry=False)).set_caching_options(False)

            with dsl.Else(name="there is nothing to decide"):
                stopped = skip_training(reason=imported.outputs["reason"])
                prepare(stopped, Needs()).set_caching_options(False)

    return retraining


def build_decision(prepare: Prepare) -> graph_component.GraphComponent:
    """Return the part that decides; the heavy step in it runs only where drift is asked for.

    It is a pipeline of its own, for only so may a step come after either of two sides.

    Args:
        prepare: As for `build`.
    """

    @dsl.pipeline(name="decision")
    def decision(
        news: dsl.Input[dsl.Dataset],
        ask_drift: bool,
        config: str,
        overrides: list[str],
        data_version: str,
        force: bool,
    ) -> Decision:
        common = {"config": config, "overrides": overrides}

        with dsl.If(ask_drift == True, name="drift is asked for"):  # noqa: E712
            watched = watch_drift(news=news, data_version=data_version, **common)
            prepare(watched, Needs(heavy=True, data=True, tracking=True)).set_caching_options(False)
            after = decide(
                news=news,
                force=force,
                drift_asked=True,
                drift_found=watched.outputs["drifted"],
                drift_reason=watched.outputs["reason"],
                **common,
            )
            prepare(after, Needs(tracking=True)).set_caching_options(False)

        with dsl.Else(name="drift is not asked for"):
            at_once = decide(news=news, force=force, **common)
            prepare(at_once, Needs(tracking=True)).set_caching_options(False)

        return Decision(
            retrain=dsl.OneOf(after.outputs["retrain"], at_once.outputs["retrain"]),
            reason=dsl.OneOf(after.outputs["reason"], at_once.outputs["reason"]),
        )

    return decision
