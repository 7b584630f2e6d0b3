"""What a decision is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlr.evaluation.metrics import Values
from rlr.gate.contributions import Contributions
from rlr.gate.result import Party


@dataclass(frozen=True)
class Evidence:
    """Both models on the same images, and what was measured of the candidate beside.

    Attributes:
        candidate: Who the candidate is.
        champion: Who the champion is; None: there is none.
        ours: What the images say of the candidate (`contributions`).
        theirs: The same of the champion, of the same images in the same order; None without one.
        champion_classes: Classes that the champion was trained on; others are new.
        data_version: Data version of the images; it seeds the draws.
        manifest_sha256: Digest of their manifest.
        threshold_rate: False-positive rate that the candidate's thresholds were set for.
        seconds_per_image: What the candidate takes for an image; None: not measured.
        artifact_bytes: Size of its files; None: not measured.
        export_parity: Whether its export scores as it does; None: there is no export.
        further_seeds: `Contributions.per_class` of further trainings of the candidate's
            configuration with other seeds, on the same images.
        facts: What else the document is to say: code, device, images.
    """

    candidate: Party
    champion: Party | None
    ours: Contributions
    theirs: Contributions | None
    champion_classes: frozenset[str]
    data_version: str
    manifest_sha256: str
    threshold_rate: float
    seconds_per_image: float | None = None
    artifact_bytes: int | None = None
    export_parity: bool | None = None
    further_seeds: tuple[Mapping[str, Values], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
