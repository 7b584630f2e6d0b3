"""A detector: images in, image score, decision and anomaly map out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from rlr.data.images import ImageSource, read_rgb
from rlr.data.manifest import Manifest
from rlr.detection.artifact import Networks, load_artifact
from rlr.detection.decoding import read_decoder
from rlr.detection.device import pick_device
from rlr.detection.features import normal_features
from rlr.detection.scoring import Scorer
from rlr.detection.spec import DetectorSpec
from rlr.detection.statistics import NO_STATISTICS, Statistics
from rlr.detection.thresholds import Threshold, change_rate
from rlr.features import Backbone, FeatureExtractor, fit_to_input
from rlr.features.loading import read_batches
from rlr.foundation.errors import UserError
from rlr.model import LevelNetwork
from rlr.model.decoder import PictureDecoder


@dataclass(frozen=True)
class Prediction:
    """What a detector says of one image.

    Attributes:
        image_score: What `detection.image_score` takes of the smoothed map.
        threshold: The threshold it was compared with.
        is_anomalous: Whether the score exceeds the threshold.
        raw_map: Anomaly map before smoothing, (H, W) of the input size, float32.
        anomaly_map: Anomaly map, smoothed, (H, W) of the input size, float32.
    """

    image_score: float
    threshold: float
    is_anomalous: bool
    raw_map: np.ndarray
    anomaly_map: np.ndarray


class Detector:
    """One model for all product classes; the class of an image need not be known.

    Args:
        spec: The complete description.
        networks: The trained networks, one a level.
        backbone: The frozen backbone.
        device: "auto" (CUDA where there is one), "cpu" or "cuda".
        batch_size: Images a pass.
        statistics: What the detector knows of normal features and residuals.
        decoder: Draws pictures of features, and has no part in any score; None: there is none.

    Attributes:
        spec: The complete description.
        scorer: What makes its scores.

    Example:
        >>> detector = Detector.load(Path("runs/train/model"))  # doctest: +SKIP
        >>> detector.predict([image])[0].is_anomalous  # doctest: +SKIP
        False
    """

    def __init__(
        self,
        spec: DetectorSpec,
        networks: Networks,
        backbone: Backbone,
        device: str = "auto",
        batch_size: int = 16,
        statistics: Statistics = NO_STATISTICS,
        decoder: PictureDecoder | None = None,
    ) -> None:
        self.spec = spec
        self.device = pick_device(device)
        self.batch_size = batch_size
        self.decoder = None if decoder is None else decoder.to(self.device)
        self._networks = networks.to(self.device).eval()
        self._statistics = statistics.to(self.device)
        preprocessing = spec.preprocessing
        self.scorer = Scorer(
            spec.scoring,
            spec.network.levels,
            (preprocessing.height, preprocessing.width),
            self._statistics.calibration,
        )
        self._extractor = FeatureExtractor(
            backbone, preprocessing.mean, preprocessing.std, spec.backbone.pooling
        ).to(self.device)

    @classmethod
    def load(cls, folder: Path, device: str = "auto", batch_size: int = 16) -> "Detector":
        """Load an artifact.

        Raises:
            UserError: The folder is no artifact, or one that cannot be read.
        """
        spec, networks, backbone, statistics = load_artifact(Path(folder))
        decoder = read_decoder(Path(folder))
        return cls(spec, networks, backbone, device, batch_size, statistics, decoder)

    def at_rate(self, rate: float) -> "Detector":
        """Return this detector with thresholds for another false-positive rate."""
        thresholds = change_rate(self.spec.thresholds, rate)
        spec = self.spec.model_copy(update={"thresholds": thresholds})
        return Detector(
            spec,
            self._networks,
            self._extractor.backbone,
            str(self.device),
            self.batch_size,
            self._statistics,
            self.decoder,
        )

    def image_threshold(self, class_name: str | None) -> Threshold:
        """Return the threshold of a class, or for None the one for an unknown class.

        Raises:
            UserError: The detector does not know the class.
        """
        if class_name is None:
            return self.spec.thresholds.overall
        if class_name not in self.spec.thresholds.per_class:
            raise UserError(
                f"The detector does not know the class '{class_name}' "
                f"(it knows {', '.join(self.spec.classes)}); leave the class out."
            )
        return self.spec.thresholds.per_class[class_name]

    def read(self, source: ImageSource) -> np.ndarray:
        """Decode an image as this detector does: (any height, any width, 3), uint8 RGB."""
        return read_rgb(source, self.spec.preprocessing.white_level)

    def predict(
        self, images: Sequence[np.ndarray], classes: Sequence[str | None] | None = None
    ) -> list[Prediction]:
        """Score images.

        Args:
            images: Arrays (any height, any width, 3), uint8 RGB.
            classes: Class of each image, or None where unknown; it chooses the threshold only.

        Returns:
            One prediction an image.

        Raises:
            UserError: A class is unknown to the detector.
        """
        names = [None] * len(images) if classes is None else list(classes)
        values = [self.image_threshold(name).value for name in names]
        fitted = [self._fit(image) for image in images]
        predictions: list[Prediction] = []
        for start in range(0, len(fitted), self.batch_size):
            part = slice(start, start + self.batch_size)
            predictions += self._predict_batch(np.stack(fitted[part]), values[part])
        return predictions

    def predict_rows(
        self, manifest: Manifest, rows: pd.DataFrame
    ) -> Iterator[tuple[dict[str, Any], Prediction]]:
        """Score rows of a manifest as a stream; the next images are read meanwhile.

        A class that the detector was not trained on is judged by the overall threshold.

        Args:
            manifest: Where the images lie.
            rows: Rows of `manifest.frame`.

        Yields:
            The row as a dictionary, and its prediction.
        """
        known = self.spec.thresholds.per_class
        records = rows.to_dict(orient="records")
        preprocessing = self.spec.preprocessing
        batches = read_batches(
            [manifest.root / record["path"] for record in records],
            (preprocessing.height, preprocessing.width),
            preprocessing.white_level,
            self.batch_size,
        )
        remaining = iter(records)
        for images in batches:
            batch = list(islice(remaining, len(images)))
            names = [record["class"] if record["class"] in known else None for record in batch]
            values = [self.image_threshold(name).value for name in names]
            yield from zip(batch, self._predict_batch(images, values), strict=True)

    @torch.inference_mode()
    def observe(self, images: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
        """Score images, and describe the part of them that is not anomalous.

        Args:
            images: (N, H, W, 3) of the input size, uint8 RGB.
            share: Share of the tokens that counts as not anomalous, see `normal_features`.

        Returns:
            Image scores (N,) float32, and features (N, F) float64.
        """
        features = self._extractor(images)
        tokens = self._normalise(features)
        scores = self.scorer.token_scores(self._networks, tokens)
        smoothed = self.scorer.smooth(self.scorer.maps_of(scores, tokens))
        return self.scorer.image_scores(smoothed), normal_features(features, scores, share)

    def _normalise(self, features: list[Tensor]) -> list[Tensor]:
        normalisation = self._statistics.normalisation
        return normalisation.apply(features) if normalisation else features

    @torch.inference_mode()
    def reconstruct(self, images: Sequence[np.ndarray]) -> tuple[list[Tensor], list[Tensor]]:
        """Return what the networks are given of images, and what they make of it.

        Args:
            images: Arrays (any height, any width, 3), uint8 RGB, as many as go in one pass.

        Returns:
            Tokens and their reconstruction, each one tensor (N, L, C) a level.
        """
        tokens = self._normalise(self._extractor(np.stack([self._fit(image) for image in images])))
        return tokens, self.scorer.reconstruct(self._networks, tokens)

    def references(self) -> list[Tensor]:
        """Return the learned references: one tensor (M, L, C) a level, as the tokens are."""
        references: list[Tensor] = []
        for level in self.spec.network.levels:
            network = self._networks[str(level.index)]
            assert isinstance(network, LevelNetwork)
            references.append(network.reference.float())
        return references

    def _fit(self, image: np.ndarray) -> np.ndarray:
        preprocessing = self.spec.preprocessing
        return fit_to_input(image, preprocessing.height, preprocessing.width)

    @torch.inference_mode()
    def _predict_batch(self, images: np.ndarray, thresholds: Sequence[float]) -> list[Prediction]:
        tokens = self._normalise(self._extractor(images))
        raw = self.scorer.raw_maps(self._networks, tokens)
        smoothed = self.scorer.smooth(raw)
        return [
            Prediction(float(score), value, bool(score > value), raw_map, anomaly_map)
            for score, value, raw_map, anomaly_map in zip(
                self.scorer.image_scores(smoothed), thresholds, raw, smoothed, strict=True
            )
        ]
