"""Image scores of normal images that the networks were not trained on, for the thresholds."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch

from rlr.detection.artifact import Networks
from rlr.detection.canary import choose_spread
from rlr.detection.scoring import Scorer
from rlr.training.store import FeatureStore, ImageSet, at_epoch, stream


def score_images(
    scorer: Scorer,
    networks: Networks,
    store: FeatureStore,
    places: Sequence[int],
    batch_size: int,
) -> np.ndarray:
    """Score images of a store, just as the detector will.

    Args:
        scorer: What makes the detector's scores.
        networks: The trained networks.
        store: Their tokens, as the networks take them.
        places: Which images.
        batch_size: Images a pass.

    Returns:
        Image scores, (N,), float64.
    """
    networks.eval()
    scores: list[np.ndarray] = [np.zeros(0)]
    for start in range(0, len(places), batch_size):
        maps = scorer.raw_maps(networks, store.tokens(places[start : start + batch_size]))
        scores.append(scorer.image_scores(scorer.smooth(maps)))
    return np.concatenate(scores).astype(np.float64)


def by_class(classes: Sequence[str], scores: np.ndarray) -> dict[str, np.ndarray]:
    """Sort scores (N,) into classes."""
    names = np.array(classes)
    return {str(name): scores[names == name] for name in np.unique(names)}


def fold_of(group: str, folds: int) -> int:
    """Return the fold of a group: by its hash, so that the images of a part stay together."""
    return int.from_bytes(hashlib.sha256(f"fold {group}".encode()).digest()[:8], "big") % folds


def take(images: ImageSet, places: Sequence[int]) -> ImageSet:
    """Return a part of an image set."""
    return ImageSet(
        paths=[images.paths[place] for place in places],
        hashes=[images.hashes[place] for place in places],
        classes=[images.classes[place] for place in places],
        groups=[images.groups[place] for place in places],
    )


def choose_of_sides(sides: Sequence[ImageSet], count: int) -> list[list[int]]:
    """Choose images of several sets by their hashes, spread over the classes of all of them.

    Args:
        sides: The sets.
        count: How many to choose at most, of all sets together.

    Returns:
        Places of the chosen images in each set.
    """
    hashes = [sha256 for side in sides for sha256 in side.hashes]
    classes = [name for side in sides for name in side.classes]
    places, first, found = choose_spread(classes, hashes, count), 0, []
    for side in sides:
        end = first + len(side)
        found.append([place - first for place in places if first <= place < end])
        first = end
    return found


class PartOf:
    """A store that shows a part of another one."""

    def __init__(self, store: FeatureStore, places: Sequence[int]) -> None:
        self._store = store
        self._places = places

    def tokens(self, places: Sequence[int]) -> list[torch.Tensor]:
        """Return one tensor (N, L, C) a level."""
        return self._store.tokens([self._places[place] for place in places])

    def stream(self, batches: Sequence[Sequence[int]]) -> Iterator[list[torch.Tensor]]:
        """Yield the tokens of each batch in turn."""
        yield from stream(self._store, [[self._places[p] for p in batch] for batch in batches])

    def at(self, epoch: int) -> FeatureStore:
        """Return the store of an epoch."""
        return PartOf(at_epoch(self._store, epoch), self._places)
