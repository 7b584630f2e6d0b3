"""The whole of a training: from a manifest to a detector with thresholds."""

import logging
import os
import shutil
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.data.splits import calibratable, trainable
from rlr.detection.artifact import Attachments, Networks, save_artifact
from rlr.detection.calibration import Calibration
from rlr.detection.device import pick_device
from rlr.detection.scoring import Scorer
from rlr.detection.spec import DetectorSpec
from rlr.detection.statistics import Statistics
from rlr.detection.thresholds import Thresholds, attainable, decide_thresholds
from rlr.features.mismatch import tell_mismatch
from rlr.features.normalisation import ChannelNormalisation
from rlr.features.weights import weights_digest
from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import RESULT_FILE, write_json, write_result
from rlr.training.admission import Admission, Champion, admit
from rlr.training.attachments import make_canary_of, make_reference
from rlr.training.calibration import Side, fit_calibration
from rlr.training.checkpoint import EpochRecord
from rlr.training.describe import describe_detector, describe_network, describe_scoring
from rlr.training.disk import open_stores
from rlr.training.extractor import open_extractor
from rlr.training.fitting import Fitting
from rlr.training.folds import Folds
from rlr.training.normal_scores import by_class, score_images
from rlr.training.normalisation import fit_normalisation, normalised
from rlr.training.pictures import make_decoder
from rlr.training.requirements import require_images
from rlr.training.store import FeatureStore, ImageSet
from rlr.training.summary import summarise
from rlr.training.team import Team, join_team, local_device
from rlr.training.trainer import OnEpoch
from rlr.training.views import open_views

logger = logging.getLogger(__name__)
MODEL_FOLDER = "model"
CHECKPOINT_FOLDER = "checkpoint"


def train(
    config: Config,
    manifest: Manifest,
    output: Path,
    on_epoch: OnEpoch | None = None,
    champion: Champion | None = None,
    until: int | None = None,
) -> dict[str, Any]:
    """Train one detector for all classes, and set its thresholds from normal images.

    A training that was killed goes on from its last checkpoint when it is started again with the
    same output folder. Under torchrun all processes of the team call this function; the leading
    one writes.

    Args:
        config: The configuration.
        manifest: The images; only those of the splits `train` and `validation` are read, and
            unjudged ones where the configuration assumes them to be normal.
        output: Folder to write: `model/`, `history.json`, `config.yaml`, `result.json`.
        on_epoch: Called by the leading process after each epoch.
        champion: The model that looks at unjudged images first; None: there is none.
        until: Epoch to pause after: what is written is the detector as it is then, and a later call
            goes on from there. None: the last epoch.

    Returns:
        The content of `result.json`.

    Raises:
        UserError: There is nothing to train on, the backbone's weights cannot be had, the window
            does not fit the grid, or the loss is not finite.
    """
    _make_repeatable(config)
    device = local_device(pick_device(config.training.device))
    with join_team(device) as team:
        admission = admit(config, manifest, champion, Path(output), team, device)
        session = _Session(config, manifest, admission, Path(output), team, device)
        return session.run(on_epoch, until)


class _Session:
    """What one training holds together."""

    def __init__(
        self,
        config: Config,
        manifest: Manifest,
        admission: Admission | None,
        output: Path,
        team: Team,
        device: torch.device,
    ) -> None:
        self.config, self.manifest, self.output = config, manifest, output
        self.team, self.device = team, device
        self.until: int | None = None
        self.feature_seconds = 0.0
        self.unjudged = admission.origin if admission else None
        admitted = admission.paths if admission else ()
        self.images = ImageSet.of(manifest, trainable(manifest, admitted))
        self.normals = ImageSet.of(manifest, calibratable(manifest))
        require_images(config, manifest, self.images, self.normals)
        extractor, self.origin = open_extractor(config)
        self.extractor, self.backbone = extractor.to(device), extractor.backbone
        self.backbone_digest = weights_digest(self.backbone.state_dict())
        if team.leads:
            tell_mismatch(config.features, self.origin)
        preprocessing = config.features.preprocessing
        shapes = self.extractor.shapes(preprocessing.height, preprocessing.width)
        self.network = describe_network(config, shapes)
        self.scoring = describe_scoring(config)
        self.normalisation: ChannelNormalisation | None = None

    def run(self, on_epoch: OnEpoch | None, until: int | None) -> dict[str, Any]:
        (self.output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
        self.until, start = until, time.process_time()
        sets = {"training images": self.images, "validation images": self.normals}
        raw, raw_held_out = open_stores(sets, self.extractor, self.config, self.team)
        views = open_views(self.images, raw, self.extractor, self.config, self.team)
        self.feature_seconds = time.process_time() - start
        self.normalisation = self._fit_normalisation(raw)
        store = normalised(raw, self.normalisation)
        views = normalised(views, self.normalisation)
        held_out = normalised(raw_held_out, self.normalisation)
        fitting = self._fitting()
        networks, history = fitting.fit(
            "main",
            ("networks",),
            self.images,
            views,
            held_out=(len(self.normals), held_out) if len(self.normals) else None,
            on_epoch=on_epoch,
        )
        folds = Folds(fitting, self.images, views, store)
        calibration = self._fit_calibration(networks, store, held_out, folds)
        preprocessing = self.config.features.preprocessing
        scorer = Scorer(
            self.scoring,
            self.network.levels,
            (preprocessing.height, preprocessing.width),
            calibration,
        )
        thresholds = self._thresholds(scorer, networks, store, held_out, folds)
        result: dict[str, Any] = {}
        if self.team.leads:
            sides = [(self.images, raw), (self.normals, raw_held_out)]
            attachments = Attachments(
                reference=make_reference(
                    self.config, self.manifest, networks, sides, scorer, self.normalisation
                ),
                decoder=make_decoder(self.config, self.network, self.images, store),
            )
            statistics = Statistics(self.normalisation, calibration)
            result = self._write(networks, thresholds, history, statistics, attachments)
        self.team.wait()
        return result

    def _fitting(self) -> Fitting:
        return Fitting(
            self.config,
            self.network,
            self.backbone_digest,
            self.output / CHECKPOINT_FOLDER,
            self.team,
            self.device,
            self.until,
        )

    def _fit_normalisation(self, store: FeatureStore) -> ChannelNormalisation | None:
        if self.config.features.normalisation == "none":
            return None
        return fit_normalisation(
            store,
            len(self.images),
            [level.channels for level in self.network.levels],
            self.config.features.batch_size,
            self.team,
            self.device,
        )

    def _fit_calibration(
        self, networks: Networks, store: FeatureStore, held_out: FeatureStore, folds: Folds
    ) -> Calibration | None:
        training = Side(networks, self.images, store)
        validation = Side(networks, self.normals, held_out)
        sides = {
            "training": [training],
            "validation": [validation],
            "both": [training, validation],
        }
        source = self.config.detection.calibration.residuals
        if source == "cross_fit" and self.scoring.calibration is not None:
            sides[source] = folds.sides()
        return fit_calibration(
            self.config,
            self.scoring,
            self.network,
            training,
            sides.get(source, []),
            self.team,
            self.device,
        )

    def _thresholds(
        self,
        scorer: Scorer,
        networks: Networks,
        store: FeatureStore,
        held_out: FeatureStore,
        folds: Folds,
    ) -> Thresholds:
        config, batch_size = self.config, self.config.features.batch_size
        places = range(len(self.normals))
        scores = score_images(scorer, networks, held_out, places, batch_size)
        validation = by_class(self.normals.classes, scores)
        classes = sorted({*self.images.classes, *self.normals.classes})
        rate = config.threshold.false_positive_rate
        short = [c for c in classes if not attainable(len(validation.get(c, ())), rate)]
        method = config.threshold.method
        if method == "pooled" or not short:
            return decide_thresholds(classes, validation, rate)
        if method == "cross_fit":
            fitted = folds.scores(scorer)
        else:
            everywhere = range(len(self.images))
            fitted = score_images(scorer, networks, store, everywhere, batch_size)
        of_class = by_class(self.images.classes, fitted)
        return decide_thresholds(classes, validation, rate, of_class, method)

    def _write(
        self,
        networks: Networks,
        thresholds: Thresholds,
        history: list[EpochRecord],
        statistics: Statistics,
        attachments: Attachments,
    ) -> dict[str, Any]:
        spec = save_artifact(
            self.output / MODEL_FOLDER,
            networks,
            self.backbone,
            lambda weights: describe_detector(
                self.config,
                self.manifest,
                self.unjudged,
                self.network,
                self.scoring,
                self.origin,
                thresholds,
                weights,
            ),
            lambda spec: replace(
                attachments,
                canary=make_canary_of(
                    spec, self.config, networks, self.backbone, statistics, self.normals
                ),
            ),
            statistics,
        )
        records = [asdict(record) for record in history]
        write_json(self.output / "history.json", records)
        with atomic_file(self.output / "config.yaml") as temporary:
            temporary.write_text(self.config.as_yaml(), encoding="utf-8")
        result = write_result(self.output, "train", **self._summary(spec, records))
        if not self._is_paused(records):
            shutil.rmtree(self.output / CHECKPOINT_FOLDER, ignore_errors=True)
        return result

    def _summary(self, spec: DetectorSpec, records: list[dict[str, Any]]) -> dict[str, Any]:
        images = {"train": len(self.images), "validation": len(self.normals)}
        return summarise(spec, MODEL_FOLDER, images, records, self.feature_seconds)

    def _is_paused(self, records: list[dict[str, Any]]) -> bool:
        return self.until is not None and len(records) == self.until < self.config.training.epochs


def _make_repeatable(config: Config) -> None:
    """Fix what torch would otherwise choose by the machine's mood."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    products = "tf32" if config.training.precision == "tf32" else "ieee"
    torch.backends.cuda.matmul.fp32_precision = products
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
