"""Candidate and champion over the same images: loaded and run here, by this code, one by one."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rlr.config import Config
from rlr.data.manifest import Manifest, is_defective
from rlr.detection.identity import detector_sha256
from rlr.evaluation.ground_truth import GroundTruth
from rlr.evaluation.metrics import Values
from rlr.evaluation.scored import ScoredSet, collect
from rlr.gate.contributions import Contributions, contributions
from rlr.gate.latency import seconds_per_image
from rlr.gate.result import Party

if TYPE_CHECKING:
    from rlr.detection.detector import Detector
    from rlr.detection.spec import DetectorSpec

logger = logging.getLogger("rlr")


@dataclass(frozen=True)
class Entrant:
    """A model that is to be run.

    Attributes:
        name: `models:/NAME/VERSION`, or a folder.
        folder: Folder of the detector.
    """

    name: str
    folder: Path


@dataclass(frozen=True)
class Side:
    """One model, and what it made of the test images.

    Attributes:
        party: Who it is.
        spec: Its description.
        scored: Test images with its scores and maps, which lie on disk.
        contributions: What each image adds to its metrics.
        seconds_per_image: Median time for an image.
        artifact_bytes: Size of its files together.
    """

    party: Party
    spec: "DetectorSpec"
    scored: ScoredSet
    contributions: Contributions
    seconds_per_image: float
    artifact_bytes: int


@dataclass(frozen=True)
class Contest:
    """All models over the same images.

    Attributes:
        manifest: The images.
        truth: Their defective pixels.
        unjudged: Number of images in test that nobody has judged; they are not used.
        device: Where the models ran.
        candidate: The candidate.
        champion: The champion; None: there is none.
        further_seeds: Metrics by class of the candidates of further seeds.
    """

    manifest: Manifest
    truth: GroundTruth
    unjudged: int
    device: str
    candidate: Side
    champion: Side | None
    further_seeds: tuple[dict[str, Values], ...]


@dataclass(frozen=True)
class Ring:
    """Where and on what models are run.

    Attributes:
        config: The sections `evaluation`, `features`, `training.device` and `gate` are used.
        manifest: The images.
        rows: Rows of the judged test images.
        truth: Their defective pixels.
        scratch: Folder for the maps.
    """

    config: Config
    manifest: Manifest
    rows: pd.DataFrame
    truth: GroundTruth
    scratch: Path

    @classmethod
    def of(cls, config: Config, manifest: Manifest, rows: pd.DataFrame, scratch: Path) -> "Ring":
        """Read the masks of the test images, once for all models.

        Raises:
            UserError: A mask is unreadable or not of its image's size.
        """
        truth = GroundTruth(manifest, rows.assign(defective=is_defective(rows)))
        return cls(config, manifest, rows, truth, scratch)

    def enter(self, entrant: Entrant, role: str) -> tuple[Side, str]:
        """Run a model; nothing of it stays in memory but its figures.

        Args:
            entrant: The model.
            role: What it is here, for the progress and for the name of its folder.

        Returns:
            What it made of the images, and the device it ran on.

        Raises:
            UserError: It is no detector, an image cannot be used, or a score is not finite.
        """
        from rlr.detection.detector import Detector

        settings = self.config
        detector = Detector.load(
            entrant.folder, settings.training.device, settings.features.batch_size
        )
        scored = self._score(detector, role)
        logger.info("Gate: %s (%s) has scored %d images", role, entrant.name, len(self.rows))
        side = Side(
            party=Party(name=entrant.name, sha256=detector_sha256(entrant.folder)),
            spec=detector.spec,
            scored=scored,
            contributions=self._reduce(scored),
            seconds_per_image=seconds_per_image(
                detector, self.manifest, self.rows, settings.gate.timed_batches
            ),
            artifact_bytes=sum(
                file.stat().st_size for file in entrant.folder.rglob("*") if file.is_file()
            ),
        )
        return side, str(detector.device)

    def metrics(self, entrant: Entrant, role: str) -> dict[str, Values]:
        """Run a model for its metrics by class alone; arguments and failures as for `enter`."""
        from rlr.detection.detector import Detector

        settings = self.config
        detector = Detector.load(
            entrant.folder, settings.training.device, settings.features.batch_size
        )
        return dict(self._reduce(self._score(detector, role)).per_class)

    def _score(self, detector: "Detector", role: str) -> ScoredSet:
        return collect(
            detector.predict_rows(self.manifest, self.rows),
            len(self.rows),
            self.scratch / role.replace(" ", "-"),
            f"Gate: scoring with the {role}",
            ["threshold", "is_anomalous"],
        )

    def _reduce(self, scored: ScoredSet) -> Contributions:
        config = self.config
        return contributions(scored, self.truth, config.evaluation, config.gate.bins)


def hold_contest(
    ring: Ring,
    candidate: Entrant,
    champion: Entrant | None,
    further: Sequence[Entrant] = (),
    unjudged: int = 0,
) -> Contest:
    """Run all models over the same images, one after the other.

    Args:
        ring: Where and on what.
        candidate: The candidate.
        champion: The champion; None: there is none.
        further: Candidates of further seeds.
        unjudged: Number of test images that are left out since nobody has judged them.

    Raises:
        UserError: What `Ring.enter` refuses.
        MachineError: The disk is full.
    """
    ours, device = ring.enter(candidate, "candidate")
    theirs = None if champion is None else ring.enter(champion, "champion")[0]
    seeds = tuple(
        ring.metrics(entrant, f"candidate of seed {number}")
        for number, entrant in enumerate(further, start=2)
    )
    return Contest(ring.manifest, ring.truth, unjudged, device, ours, theirs, seeds)
