"""What the step that starts a training on several nodes is told when a pipeline is compiled."""

import os

from rlr.config.pipeline import PipelineConfig
from rlr.config.section import Section
from rlr.foundation.errors import UserError

TEAM_VARIABLE = "RLR_TEAM"
WORK = "/team"  # where the training runtime of `infra/k8s/trainer` mounts the shared claim


class TeamSettings(Section):
    """What the nodes of a training get.

    Attributes:
        image: Image of the nodes.
        pipeline: Resources, accelerators, and the section `distributed`.
        work: Where the shared claim is mounted, in the step and on the nodes.
    """

    image: str
    pipeline: PipelineConfig
    work: str = WORK


def read_team_settings() -> TeamSettings:
    """Return what the pipeline says of the team.

    Raises:
        UserError: This is no step of a pipeline on a cluster.
    """
    text = os.environ.get(TEAM_VARIABLE)
    if not text:
        raise UserError(
            f"{TEAM_VARIABLE} is not set: a training on several nodes is started by a step on a "
            "cluster; here, run the pipeline 'training'."
        )
    return TeamSettings.model_validate_json(text)
