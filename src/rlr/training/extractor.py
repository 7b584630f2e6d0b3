"""From a configuration to what turns its images into tokens."""

from rlr.config import Config
from rlr.features import FeatureExtractor, build_backbone
from rlr.features.weights import WeightsSource
from rlr.training.seeding import derive_seed


def open_extractor(config: Config) -> tuple[FeatureExtractor, WeightsSource]:
    """Create the extractor of a configuration, its backbone with weights, as its training does.

    Args:
        config: The configuration; random weights are drawn from its seed.

    Returns:
        The extractor, on the CPU, and where the weights of its backbone came from.

    Raises:
        UserError: The backbone cannot be built, or its weights cannot be had.
    """
    features, fitted = config.features, config.features.preprocessing
    levels = [level.blocks or [level.index] for level in config.model.levels]
    seed, size = derive_seed(config.seed, "backbone"), (fitted.height, fitted.width)
    backbone, source = build_backbone(features.backbone, levels, seed, size)
    return FeatureExtractor(backbone, fitted.mean, fitted.std, features.pooling), source
