"""Cross-fitting: every training image is judged by networks that have not seen it."""

from collections.abc import Iterator, Sequence

import numpy as np

from rlr.detection.artifact import Networks
from rlr.detection.scoring import Scorer
from rlr.foundation.errors import UserError
from rlr.training.calibration import Side
from rlr.training.fitting import Fitting
from rlr.training.normal_scores import PartOf, fold_of, score_images, take
from rlr.training.store import FeatureStore, ImageSet

Fold = tuple[list[int], Networks]  # places of its images, and networks trained without them


class Folds:
    """The training images in folds, as many as `threshold.folds` says, whole groups in each.

    Args:
        fitting: What trains.
        images: The training images.
        views: What of them is trained on.
        store: What of them is scored.
    """

    def __init__(
        self, fitting: Fitting, images: ImageSet, views: FeatureStore, store: FeatureStore
    ) -> None:
        self._fitting, self._images = fitting, images
        self._views, self._store = views, store
        self._kept: list[Fold] = []

    def sides(self) -> list[Side]:
        """Return each fold's images with networks trained without them, and keep these.

        Raises:
            UserError: A fold holds all training images.
        """
        self._kept = list(self._train())
        return [
            Side(networks, take(self._images, held), PartOf(self._store, held))
            for held, networks in self._kept
        ]

    def scores(self, scorer: Scorer) -> np.ndarray:
        """Score each training image by networks that were trained without its fold.

        Unless networks are kept, no more than one fold's are there at a time.

        Args:
            scorer: What makes the detector's scores.

        Returns:
            Image scores (N,), float64.

        Raises:
            UserError: A fold holds all training images.
        """
        scores = np.zeros(len(self._images))
        batch_size = self._fitting.config.features.batch_size
        for held, networks in self._kept or self._train():
            scores[held] = score_images(scorer, networks, self._store, held, batch_size)
        return scores

    def _train(self) -> Iterator[Fold]:
        folds = self._fitting.config.threshold.folds
        fold_by_place = np.array([fold_of(group, folds) for group in self._images.groups])
        for fold in range(folds):
            held = np.flatnonzero(fold_by_place == fold).tolist()
            rest = np.flatnonzero(fold_by_place != fold).tolist()
            if held:
                yield held, self._train_without(fold, rest, f"cross-fit {fold + 1} of {folds}")

    def _train_without(self, fold: int, rest: Sequence[int], label: str) -> Networks:
        if not rest:
            raise UserError("threshold.folds: a fold holds all training images; add images.")
        images, views = take(self._images, rest), PartOf(self._views, rest)
        networks, _ = self._fitting.fit(f"fold-{fold}", ("fold", fold), images, views, label=label)
        return networks
