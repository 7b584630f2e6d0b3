"""When images are no longer what the model was trained on."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import Section


class MonitorConfig(Section):
    """Tests of new images against the normal images of the champion's training."""

    false_alarm_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = Field(
        0.01, description="Rate at which a window without drift is called drifted."
    )
