"""The whole of a training: from a manifest to a detector with thresholds."""

import logging
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlr.config import Config
from rlr.data.manifest import UNREADABLE, Manifest
from rlr.data.splits import calibratable, trainable
from rlr.detection.artifact import Attachments, Networks, build_networks, save_artifact
from rlr.detection.device import pick_device
from rlr.detection.spec import DetectorSpec
from rlr.detection.thresholds import Thresholds, attainable, decide_thresholds
from rlr.features import Backbone, FeatureExtractor, build_backbone
from rlr.features.normalisation import tell_mismatch
from rlr.features.weights import WeightsSource, weights_digest
from rlr.foundation.atomic import atomic_file
from rlr.foundation.documents import RESULT_FILE, write_json, write_result
from rlr.foundation.errors import UserError
from rlr.training.admission import Admission, Champion, admit
from rlr.training.attachments import make_canary_of, make_reference
from rlr.training.checkpoint import Checkpoints, EpochRecord
from rlr.training.describe import describe_detector, describe_network, fingerprint
from rlr.training.normal_scores import PartOf, by_class, fold_of, score_images, take
from rlr.training.seeding import derive_seed
from rlr.training.store import FeatureStore, ImageSet, open_store
from rlr.training.team import Team, join_team, local_device
from rlr.training.trainer import OnEpoch, Trainer

logger = logging.getLogger(__name__)
MODEL_FOLDER = "model"


def train(
    config: Config,
    manifest: Manifest,
    output: Path,
    on_epoch: OnEpoch | None = None,
    champion: Champion | None = None,
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
        return session.run(on_epoch)


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
        self.unjudged = admission.origin if admission else None
        admitted = admission.paths if admission else ()
        self.images = ImageSet.of(manifest, trainable(manifest, admitted))
        self.normals = ImageSet.of(manifest, calibratable(manifest))
        self._require_images()
        self.backbone, self.origin = self._build_backbone()
        self.backbone_digest = weights_digest(self.backbone)
        if team.leads:
            tell_mismatch(config.features, self.origin)
        self.extractor = FeatureExtractor(
            self.backbone,
            config.features.preprocessing.mean,
            config.features.preprocessing.std,
            config.features.pooling,
        ).to(device)
        preprocessing = config.features.preprocessing
        shapes = self.extractor.shapes(preprocessing.height, preprocessing.width)
        self.network = describe_network(config, shapes)

    def run(self, on_epoch: OnEpoch | None) -> dict[str, Any]:
        (self.output / RESULT_FILE).unlink(missing_ok=True)  # nothing must look finished
        store = self._open(self.images, "features of training images")
        held_out = self._open(self.normals, "features of validation images")
        networks = self._new_networks("networks")
        history = self._trainer(networks).fit(
            self.images,
            store,
            held_out=(len(self.normals), held_out) if len(self.normals) else None,
            checkpoints=self._checkpoints("main", self.images),
            on_epoch=on_epoch,
        )
        thresholds = self._thresholds(networks, store, held_out)
        result: dict[str, Any] = {}
        if self.team.leads:
            sides = [(self.images, store), (self.normals, held_out)]
            reference = make_reference(self.config, self.manifest, networks, sides)
            result = self._write(networks, thresholds, history, reference)
        self.team.wait()
        return result

    def _require_images(self) -> None:
        self._refuse_unreadable()
        if not len(self.images):
            raise UserError(
                f"{self.manifest.root}: no normal training image that is in no other split; "
                "see the splits with `rlr data index`."
            )
        if not len(self.normals) and self.config.threshold.method != "cross_fit":
            raise UserError(
                "No validation images, so no threshold can be set: raise "
                "data.validation_fraction, add images, or set threshold.method=cross_fit."
            )

    def _refuse_unreadable(self) -> None:
        """Leave unreadable images out only where the configuration lets validation pass them."""
        frame = self.manifest.frame
        chosen = frame["split"].isin(["train", "validation"]) & (frame["mode"] == UNREADABLE)
        paths = list(frame.loc[chosen, "path"])
        if not paths:
            return
        told = f"{self.manifest.root / paths[0]} is not a readable image ({len(paths)} in all)"
        if self.config.validation.severity.readable == "critical":
            raise UserError(
                f"{told}; replace or remove it, or set validation.severity.readable=warning."
            )
        logger.warning("%s: left out of the training.", told)

    def _build_backbone(self) -> tuple[Backbone, WeightsSource]:
        features = self.config.features
        levels = [level.blocks or [level.index] for level in self.config.model.levels]
        size = features.preprocessing.height, features.preprocessing.width
        seed = derive_seed(self.config.seed, "backbone")
        return build_backbone(features.backbone, levels, seed, size)

    def _open(self, images: ImageSet, label: str) -> FeatureStore:
        return open_store(images, self.extractor, self.config.features, label, self.team)

    def _new_networks(self, *address: str | int) -> Networks:
        """Networks with fresh weights, the same in all processes."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(self.config.seed, *address))
            try:
                networks = build_networks(self.network)
            except ValueError as error:
                raise UserError(f"model.levels: {error}.") from error
        return networks.to(self.device)

    def _trainer(self, networks: Networks) -> Trainer:
        return Trainer(networks, self.config, self.team, self.device)

    def _checkpoints(self, name: str, images: ImageSet) -> Checkpoints:
        folder = self.output / "checkpoint" / name
        digest = fingerprint(self.config, images.hashes, self.backbone_digest)
        return Checkpoints(folder, digest)

    def _thresholds(
        self, networks: Networks, store: FeatureStore, held_out: FeatureStore
    ) -> Thresholds:
        config = self.config
        scores = score_images(networks, self.network, held_out, range(len(self.normals)), config)
        validation = by_class(self.normals.classes, scores)
        classes = sorted({*self.images.classes, *self.normals.classes})
        rate = config.threshold.false_positive_rate
        short = [c for c in classes if not attainable(len(validation.get(c, ())), rate)]
        crossed = config.threshold.method == "cross_fit" and short
        fitted = by_class(self.images.classes, self._cross_fit(store)) if crossed else None
        return decide_thresholds(classes, validation, rate, fitted)

    def _cross_fit(self, store: FeatureStore) -> np.ndarray:
        """Score each training image by networks that were trained without its fold."""
        folds = self.config.threshold.folds
        fold_by_place = np.array([fold_of(group, folds) for group in self.images.groups])
        scores = np.zeros(len(self.images))
        for fold in range(folds):
            held = np.flatnonzero(fold_by_place == fold).tolist()
            rest = np.flatnonzero(fold_by_place != fold).tolist()
            if held:
                scores[held] = self._score_fold(fold, rest, held, store)
        return scores

    def _score_fold(
        self, fold: int, rest: Sequence[int], held: Sequence[int], store: FeatureStore
    ) -> np.ndarray:
        if not rest:
            raise UserError("threshold.folds: a fold holds all training images; add images.")
        images = take(self.images, rest)
        networks = self._new_networks("fold", fold)
        self._trainer(networks).fit(
            images,
            PartOf(store, rest),
            checkpoints=self._checkpoints(f"fold-{fold}", images),
            label=f"cross-fit {fold + 1} of {self.config.threshold.folds}",
        )
        return score_images(networks, self.network, store, held, self.config)

    def _write(
        self,
        networks: Networks,
        thresholds: Thresholds,
        history: list[EpochRecord],
        reference: bytes | None,
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
                self.origin,
                thresholds,
                weights,
            ),
            lambda spec: Attachments(
                reference,
                make_canary_of(spec, self.config, networks, self.backbone, self.normals),
            ),
        )
        records = [asdict(record) for record in history]
        write_json(self.output / "history.json", records)
        with atomic_file(self.output / "config.yaml") as temporary:
            temporary.write_text(self.config.as_yaml(), encoding="utf-8")
        result = write_result(self.output, "train", **_summary(spec, records, self))
        shutil.rmtree(self.output / "checkpoint", ignore_errors=True)
        return result


def _summary(
    spec: DetectorSpec, records: list[dict[str, Any]], session: _Session
) -> dict[str, Any]:
    return {
        "model": MODEL_FOLDER,
        "config_name": spec.origin.config_name,
        "data_version": spec.origin.data_version,
        "seed": spec.origin.seed,
        "classes": spec.classes,
        "backbone": spec.backbone.model_dump(mode="json"),
        "images": {"train": len(session.images), "validation": len(session.normals)},
        "unjudged": session.unjudged.model_dump(mode="json") if session.unjudged else None,
        "epochs": len(records),
        "final": records[-1],
        "network_sha256": spec.weights.network,
        "backbone_sha256": spec.weights.backbone,
        "thresholds": {
            "rate": spec.thresholds.rate,
            "overall": spec.thresholds.overall.model_dump(mode="json"),
            "per_class": {
                name: threshold.model_dump(mode="json")
                for name, threshold in spec.thresholds.per_class.items()
            },
        },
    }


def _make_repeatable(config: Config) -> None:
    """Fix what torch would otherwise choose by the machine's mood."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=torch.cuda.is_available())
    if config.training.threads is not None:
        torch.set_num_threads(config.training.threads)
