"""The same on several nodes: a TrainJob of Kubeflow Trainer takes the place of the training."""

from typing import Any

from kfp import dsl
from kfp.dsl import graph_component

from components.train_distributed.component import train_distributed
from pipelines.training import build_around
from rlr.orchestration.cluster import Needs, Prepare
from rlr.orchestration.parameters import Parameters


def build(prepare: Prepare, defaults: Parameters) -> graph_component.GraphComponent:
    """Return the pipeline.

    Args:
        prepare: Gives each step what it needs where the pipeline will run.
        defaults: Values of the parameters that a run may leave out.
    """

    def add_training(**inputs: Any) -> dsl.PipelineTask:
        trained = train_distributed(run=dsl.PIPELINE_JOB_ID_PLACEHOLDER, **inputs)
        # Its inputs name the run, so a cache would never find it again.
        return prepare(trained, Needs(team=True)).set_caching_options(False)

    return build_around(add_training, "rlr-training-distributed", __doc__, prepare, defaults)
