"""What a training lays beside the weights: reference statistics, and the canary."""

import logging
from collections.abc import Sequence
from itertools import chain

import numpy as np
import torch

from rlr.config import Config
from rlr.data.manifest import Manifest
from rlr.detection.artifact import Networks
from rlr.detection.canary import choose_spread, make_canary
from rlr.detection.detector import Detector
from rlr.detection.features import normal_features
from rlr.detection.scoring import Scorer
from rlr.detection.spec import DetectorSpec
from rlr.detection.statistics import Statistics
from rlr.features import Backbone
from rlr.features.loading import read_inputs
from rlr.features.normalisation import ChannelNormalisation
from rlr.foundation.documents import digest
from rlr.foundation.progress import track
from rlr.monitoring.measures import measure_images
from rlr.monitoring.reference import (
    KNOWN_BYTES,
    Reference,
    fit_projection,
    shorten,
)
from rlr.training.normal_scores import choose_of_sides, take
from rlr.training.store import FeatureStore, ImageSet, join

logger = logging.getLogger(__name__)
SidedSet = tuple[ImageSet, FeatureStore]
LEAST_OF_CLASS = 2  # groups: one for the projection, and one to compare with


def make_reference(
    config: Config,
    manifest: Manifest,
    networks: Networks,
    sides: Sequence[SidedSet],
    scorer: Scorer,
    normalisation: ChannelNormalisation | None,
) -> bytes | None:
    """Describe normal images of the training, chosen by their hashes and spread over the classes.

    Args:
        config: How many images, and in how many dimensions.
        manifest: All images of the data version.
        networks: The trained networks, and thereby what is not anomalous.
        sides: Training and validation images, each with its features as the backbone gave them.
        scorer: What makes the detector's scores.
        normalisation: Of the features, before the networks take them.

    Returns:
        Content of the reference file; None where none is wanted or the images are too few.
    """
    wanted = config.monitor.reference
    chosen, classes, features = _describe(config, networks, sides, scorer, normalisation)
    names = [name for name in sorted(set(classes)) if _groups_of(chosen, name) >= LEAST_OF_CLASS]
    kept = [place for place, name in enumerate(classes) if name in names]
    if not kept:
        logger.info("too few normal images for reference statistics: `rlr monitor` will have none")
        return None
    images, features = take(chosen, kept), features[kept]
    class_of = np.array([names.index(name) for name in images.classes])
    held_out = _second_half(images)
    fitted = ~held_out
    projection = fit_projection(features[fitted], class_of[fitted], len(names), wanted.dimensions)
    brightness, sharpness = _light(config, images)
    hashes = b"".join(sorted(shorten(sha256) for sha256 in manifest.frame["sha256"]))
    return Reference(
        classes=names,
        class_of=class_of,
        brightness=brightness,
        sharpness=sharpness,
        held_out=held_out,
        coordinates=projection.apply(features, class_of),
        distances=projection.distances(features, class_of),
        projection=projection,
        tokens=wanted.tokens,
        known=np.frombuffer(hashes, dtype=np.uint8).reshape(-1, KNOWN_BYTES),
    ).to_bytes()


def make_canary_of(
    spec: DetectorSpec,
    config: Config,
    networks: Networks,
    backbone: Backbone,
    statistics: Statistics,
    normals: ImageSet,
) -> bytes | None:
    """Score a few validation images; the networks are on the CPU afterwards.

    Args:
        spec: Description of the detector, to which nothing is attached yet.
        config: How many images.
        networks: The trained networks.
        backbone: The frozen backbone.
        statistics: What the detector knows of normal features and residuals.
        normals: The normal validation images.

    Returns:
        Content of the canary file; None where none is wanted or there is no validation image.
    """
    chosen = choose_spread(normals.classes, normals.hashes, config.monitor.canary.images)
    if not chosen:
        return None
    batches = read_inputs([normals.paths[place] for place in chosen], config.features)
    images = np.array(list(chain.from_iterable(batches)))
    # On the CPU wherever the training ran: there it can be checked by anyone.
    batch_size = config.features.batch_size
    detector = Detector(spec, networks, backbone, "cpu", batch_size, statistics)
    return make_canary(detector, images).to_bytes()


@torch.inference_mode()
def _describe(
    config: Config,
    networks: Networks,
    sides: Sequence[SidedSet],
    scorer: Scorer,
    normalisation: ChannelNormalisation | None,
) -> tuple[ImageSet, list[str], np.ndarray]:
    """Choose images of both sides, and return them with their classes and features (N, F)."""
    sets = [images for images, _ in sides]
    chosen_of = choose_of_sides(sets, config.monitor.reference.images)
    networks.eval()
    found, parts = [], []
    for (images, store), own in zip(sides, chosen_of, strict=True):
        parts.append(take(images, own))
        size = config.features.batch_size
        for start in track(range(0, len(own), size), "reference statistics"):
            features = store.tokens(own[start : start + size])
            tokens = normalisation.apply(features) if normalisation else features
            scores = scorer.token_scores(networks, tokens)
            found.append(normal_features(features, scores, config.monitor.reference.tokens))
    chosen = join(parts)
    return chosen, chosen.classes, np.concatenate(found) if found else np.zeros((0, 1))


def _groups_of(images: ImageSet, name: str) -> int:
    pairs = zip(images.classes, images.groups, strict=True)
    return len({group for of, group in pairs if of == name})


def _second_half(images: ImageSet) -> np.ndarray:
    """Mark the images of every second group of each class, in the order of the groups' hashes."""
    pairs = zip(images.classes, images.groups, strict=True)
    groups = sorted({(name, digest(["half", group]), group) for name, group in pairs})
    marked = set()
    for name in set(images.classes):
        own = [group for of, _, group in groups if of == name]
        marked |= {(name, group) for group in own[1::2]}
    pairs = zip(images.classes, images.groups, strict=True)
    return np.array([pair in marked for pair in pairs], dtype=bool)


def _light(config: Config, images: ImageSet) -> tuple[np.ndarray, np.ndarray]:
    """Return brightness and sharpness of the images as they were decoded."""
    preprocessing = config.features.preprocessing
    batches = measure_images(
        images.paths,
        (preprocessing.height, preprocessing.width),
        preprocessing.white_level,
        config.features.batch_size,
    )
    measured = [image for batch in batches for image in batch]
    values = [(image.brightness, image.sharpness) for image in measured if image is not None]
    assert len(values) == len(images)  # all were read before
    brightness, sharpness = np.array(values, dtype=np.float64).T
    return brightness, sharpness
