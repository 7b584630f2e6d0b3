"""Frozen backbone features: what RLR reconstructs.

Letters in the shape comments of this room: N batch, L tokens, C feature channels,
H and W height and width of the input in pixels, h and w of a feature grid.

Importing this room registers the package's own backbone, `rlrnet`, with timm.
"""

from rlr.features.backbone import Backbone, build_backbone
from rlr.features.extractor import FeatureExtractor
from rlr.features.packaged import RlrNet
from rlr.features.preprocessing import fit_to_input

__all__ = ["Backbone", "FeatureExtractor", "RlrNet", "build_backbone", "fit_to_input"]
