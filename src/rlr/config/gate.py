"""When a candidate takes the champion's place."""

from typing import Literal

from pydantic import Field

from rlr.config.section import Positive, Section


class GateConfig(Section):
    """Rules of the gate. Test images decide here, and choose nothing else."""

    preset: Literal["improve", "refresh"] = Field(
        "improve",
        description="improve: the candidate must be shown to be better; refresh: that it is not "
        "worse, for new classes or after drift.",
    )
    promote: bool = Field(
        True,
        description="Whether a pipeline moves the alias `champion` where the gate says promote; "
        "false: it is left to `rlr registry promote`.",
    )
    draws: Positive = Field(2000, description="Draws of the paired bootstrap over images.")
    seeds: Positive = Field(
        1,
        description="Candidates trained, with seeds one after another; from 2 on the variance "
        "between them is added to the intervals.",
    )
