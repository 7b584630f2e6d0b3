"""How trainings are done again, and what has to be kept for that."""

from typing import Annotated

from pydantic import Field

from rlr.config.section import Section


class ReproductionConfig(Section):
    """What `rlr reproduce` needs, and how it judges."""

    max_diff_kib: Annotated[int, Field(ge=0)] = Field(
        1024,
        description="Largest patch of uncommitted changes, in KiB, that a run keeps; of a larger "
        "one only the digest is kept, and the run cannot be reproduced.",
    )
    score_tolerance: Annotated[float, Field(gt=0.0)] = Field(
        1e-3,
        description="Largest relative difference of an image score, where weights cannot be "
        "compared byte for byte.",
    )
