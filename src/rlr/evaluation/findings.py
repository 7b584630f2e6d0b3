"""Everything that an evaluation found out, before it is written down."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.evaluation.decisions import Decisions
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.measure import Measured
from rlr.evaluation.scored import ScoredSet

if TYPE_CHECKING:
    from rlr.detection.detector import Detector


@dataclass(frozen=True)
class Findings:
    """What the report tells.

    Attributes:
        detector: The detector that was evaluated.
        manifest: The images.
        config: The configuration of the evaluation.
        unjudged: Number of images in test that nobody has judged; they are not used.
        scored: Test images with the detector's scores and maps.
        truth: Their defective pixels.
        measured: Metrics and curves by protocol.
        baseline: The same of the per-pixel mean image; empty where it was not asked for, or
            has no training images.
        decisions: What the thresholds did.
    """

    detector: "Detector"
    manifest: Manifest
    config: Config
    unjudged: int
    scored: ScoredSet
    truth: GroundTruth
    measured: dict[str, Measured]
    baseline: dict[str, Measured]
    decisions: list[Decisions]

    @property
    def counts(self) -> dict[str, int]:
        """Numbers of test images."""
        defective = int(self.scored.frame["defective"].sum())
        return {
            "normal": len(self.scored.frame) - defective,
            "defective": defective,
            "unjudged": self.unjudged,
        }

    def pixel_notes(self) -> list[str]:
        """Return, in a sentence a class, which images the pixel metrics leave out."""
        notes = []
        for name, coverage in self.truth.coverage.items():
            if not coverage.unmasked:
                continue
            if coverage.masked:
                total = coverage.masked + coverage.unmasked
                notes.append(
                    f"{name}: {coverage.unmasked} of {total} defective images have no mask; "
                    "pixel metrics leave them out."
                )
            else:
                notes.append(
                    f"{name}: none of {coverage.unmasked} defective images has a mask; "
                    "pixel metrics leave the class out."
                )
        return notes

    def random_backbone(self) -> bool:
        """Return whether the detector stands on weights that were never trained."""
        origin: Any = self.detector.spec.backbone.weights_origin
        return bool(origin == "random")
