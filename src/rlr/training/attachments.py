"""What a training lays beside the weights: its canary."""

from itertools import chain

import numpy as np

from rlr.config import Config
from rlr.detection.artifact import Attachments, Networks
from rlr.detection.canary import choose_canary, make_canary
from rlr.detection.detector import Detector
from rlr.detection.spec import DetectorSpec
from rlr.features import Backbone
from rlr.features.loading import read_batches
from rlr.training.store import ImageSet


def attachments_of(
    spec: DetectorSpec,
    config: Config,
    networks: Networks,
    backbone: Backbone,
    normals: ImageSet,
) -> Attachments:
    """Make what lies beside the weights; the networks are on the CPU afterwards.

    Args:
        spec: Description of the detector, to which nothing is attached yet.
        config: How many images are kept.
        networks: The trained networks.
        backbone: The frozen backbone.
        normals: The normal validation images.
    """
    chosen = choose_canary(normals.classes, normals.hashes, config.monitor.canary.images)
    if not chosen:
        return Attachments()
    preprocessing = config.features.preprocessing
    batches = read_batches(
        [normals.paths[place] for place in chosen],
        (preprocessing.height, preprocessing.width),
        preprocessing.white_level,
        config.features.batch_size,
    )
    images = np.array(list(chain.from_iterable(batches)))
    # On the CPU wherever the training ran: there it can be checked by anyone.
    detector = Detector(spec, networks, backbone, "cpu", config.features.batch_size)
    return Attachments(canary=make_canary(detector, images).to_bytes())
